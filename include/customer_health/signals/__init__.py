"""Signals: what we can know about every account on every as-of date, as numbers with units."""
