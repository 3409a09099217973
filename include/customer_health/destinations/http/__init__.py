"""Destinations that take plain HTTP."""
