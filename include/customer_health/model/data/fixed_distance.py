"""The same account with its renewal at one fixed distance: what health means, whatever the date.

A prediction for a fixed window contains the renewal decision or it does not, so on the day on which the
date enters the window it falls for every customer alike. Judged at one distance, only the customer moves
it. Everything that counts down with the renewal moves along: the last day to give notice, and the tenure,
by which trees would otherwise find the date out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from customer_health.model.data.features import RENEWAL, numbers

# Days to the renewal, by horizon: well inside it, away from the date itself.
REFERENCE_DAYS: Mapping[int, int] = {90: 63, 180: 119}
DECISION_REFERENCE = 119
NOTICE, TENURE = "days_to_notice_deadline", "tenure_days"
YOUNG = 180  # days; a tenure is never moved below this, or below what it is


def reference_days(horizon: int) -> int:
    """Days to the renewal at which a horizon's head is asked for an account's health."""
    return REFERENCE_DAYS.get(horizon, DECISION_REFERENCE)


def at_reference(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Return the rows with every known renewal moved to the horizon's reference day.

    The deadline for notice keeps its distance from the renewal, and the tenure becomes what it is on the
    reference day of the same term. Contracts without a renewal date stay as they are.

    Args:
        rows: Panel rows, or a design that holds the same columns.
        horizon: Of the head, in days.
    """
    if RENEWAL not in rows:
        return rows
    days = numbers(rows[RENEWAL])
    known, target = ~np.isnan(days), float(reference_days(horizon))
    moved = {RENEWAL: np.where(known, target, np.nan)}
    if NOTICE in rows:
        notice = numbers(rows[NOTICE])
        moved[NOTICE] = np.where(known, notice + target - days, notice)
    if TENURE in rows:
        tenure = numbers(rows[TENURE])
        shifted = np.maximum(tenure + days - target, np.minimum(tenure, YOUNG))
        moved[TENURE] = np.where(known, shifted, tenure)
    return rows.assign(**moved)


def distance_bands(days: np.ndarray) -> np.ndarray:
    """Name how far the next decision is away, for tables: one label per row."""
    edges, names = (91.0, 181.0, 271.0), ("up to 90 days", "91 to 180", "181 to 270", "over 270")
    found = np.array(names, dtype=object)[np.searchsorted(edges, np.nan_to_num(days, nan=0.0), side="right")]
    found[np.isnan(days)] = "no date"
    return np.asarray(found)
