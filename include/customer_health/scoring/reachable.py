"""How far a signal can be moved: not beyond what is possible, nor further than a quarter reaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from customer_health.scoring.score_scale import Floats
from customer_health.signals.aggregations import Mean, MeanDuration
from customer_health.signals.signal import Direction, Signal

QUARTER = 91  # days
_PARTS = frozenset({"users/seat", "0-1"})  # units of which the whole is 1
MOST_NEW_CONTACTS = 2.0  # people whom somebody can get to know within a quarter


def within_a_quarter(signals: Sequence[Signal], now: Floats, goal: Floats) -> Floats:
    """Return goals that people could reach within a quarter.

    Shares end at 1: nobody fills 104 % of the seats. A mean over a longer window than a quarter moves only
    as far as its newest part does. Contacts are made one by one.

    Args:
        signals: One per column.
        now: Values, accounts x signals; NaN is unknown.
        goal: Where healthy peers are, never worse than `now`.
    """
    reached = goal.copy()
    for column, signal in enumerate(signals):
        if signal.unit in _PARTS and signal.direction is Direction.HIGHER_IS_HEALTHIER:
            # Who is beyond the whole already (guests, shared seats) stays there.
            reached[:, column] = np.fmin(reached[:, column], np.fmax(now[:, column], 1.0))
        if isinstance(signal.aggregation, Mean | MeanDuration) and signal.window_days > QUARTER:
            share = QUARTER / float(signal.window or QUARTER)
            reached[:, column] = now[:, column] + share * (reached[:, column] - now[:, column])
        if signal.unit == "contacts":
            reached[:, column] = np.fmin(reached[:, column], now[:, column] + MOST_NEW_CONTACTS)
    return reached
