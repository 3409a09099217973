"""The next decision: how far ahead one must look to see whether a customer is lost at it.

A window of a fixed length contains the renewal or not. This one always does: it reaches a month beyond
the next renewal, and half a year at least, because contracts that run by the month, or without an end,
decide all the time.
"""

from __future__ import annotations

import numpy as np

DECISION = "decision"  # its name among the heads
GRACE = 30  # days after the renewal within which a loss at the renewal takes effect
SHORTEST = 180  # days
LONGEST = 365  # a decision further ahead counts as this far away


def decision_window(days_to_renewal: np.ndarray) -> np.ndarray:
    """Days from the as-of date to the end of each row's window, `SHORTEST` to `LONGEST + GRACE`.

    Args:
        days_to_renewal: NaN for contracts without a renewal date.
    """
    ahead = np.clip(np.nan_to_num(days_to_renewal, nan=0.0), 0.0, LONGEST) + GRACE
    return np.asarray(np.maximum(ahead, SHORTEST))


def in_sight(days_to_renewal: np.ndarray) -> np.ndarray:
    """Rows whose decision lies within `LONGEST`, or that have no date: those to learn and to measure by."""
    return np.asarray(np.isnan(days_to_renewal) | (days_to_renewal <= LONGEST))
