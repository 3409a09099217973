"""Losses as contracts and invoices tell them: what left, what shrank, when, and since when that is known."""
