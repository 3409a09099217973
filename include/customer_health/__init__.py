"""Customer health: one 0-100 score per account, its reasons, and what is done about it."""

__version__ = "0.1.0"
