"""Signals from product usage, the one large table: kept as blocks of days, answered from prefix sums."""
