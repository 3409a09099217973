"""Nested tuning: a small grid, tried inside a training window and nowhere else.

The last as-of dates of the window whose labels are complete play the test, and the embargo holds inside,
too: what is tried on them was trained only on labels complete before them. The grid is small on
purpose. With a few hundred losses, a long search finds the luckiest settings, not the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.constrained_logistic import sigmoid

Settings = Mapping[str, Any]
GRID: Mapping[str, Sequence[Settings]] = {
    "logistic": ({}, {"caution": 0.5}, {"caution": 2.0}),
    "lightgbm": ({}, {"num_leaves": 15, "max_depth": 5, "rounds": 100}, {"rounds": 60}),
}
INNER_DATES = 3  # as-of dates that play the test
MIN_TRAIN_DATES = 3
MIN_LOST = 40  # rows; below this the grid would be judged by chance


def inner_split(
    dates: Sequence[pd.Timestamp], horizon_days: int
) -> tuple[list[pd.Timestamp], list[pd.Timestamp]]:
    """Split the dates of a training window: train on the first list, choose by the second.

    Returns:
        Two empty lists if the window is too short for it.
    """
    ordered = sorted(dates)
    test = ordered[-INNER_DATES:]
    close = pd.Timedelta(days=horizon_days)
    train = [day for day in ordered if test and day + close <= test[0]]
    return (train, test) if len(train) >= MIN_TRAIN_DATES else ([], [])


def tune(
    kind: str,
    attempt: Callable[[Settings], np.ndarray],
    y: np.ndarray,
) -> Settings:
    """Return the settings with the best log-loss; the first, unless another is clearly better.

    Args:
        kind: Which grid.
        attempt: Fits with settings on the inner training rows and returns log-odds of the inner test rows.
        y: Their labels.
    """
    grid = GRID.get(kind, ({},))
    if len(grid) < 2 or y.sum() < MIN_LOST:
        return grid[0]
    losses = [_log_losses(attempt(settings), y) for settings in grid]
    best = int(np.argmin([loss.mean() for loss in losses]))
    gain = losses[0] - losses[best]
    certain = gain.mean() > gain.std() / np.sqrt(max(len(gain), 1))
    return grid[best] if certain else grid[0]


def _log_losses(logit: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = np.clip(sigmoid(logit), 1e-9, 1 - 1e-9)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)), dtype=float)
