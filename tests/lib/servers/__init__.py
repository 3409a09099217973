"""Remotes on 127.0.0.1 that speak their vendors' documented APIs and remember all that happened to them."""
