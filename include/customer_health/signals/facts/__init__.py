"""Signals from events and contracts: reduced facts, the grid of answers, and each account's context."""
