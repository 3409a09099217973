"""What became of each account's revenue: a second teacher, with many more pupils than the few who left.

In a year some 300 of 10,000 customers leave, but thousands buy more or less than before. What goes with
shrinking, and what goes against growing, is mostly what comes before leaving, too: too few seats used,
bad mood, nobody answering. So the line also gets to see two sums of signals, weighted as they predict
shrinking and (not) growing half a year later, and learns from those who left how much either counts.
If they count for nothing, as where prices are renegotiated every year, they get no coefficient.

Only signals whose direction is known go into the sums: the size of a customer may well go with growth
in one way and with leaving in the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.model.data.folds import EmbargoError

SPAN = pd.Timedelta(days=182)  # half a year: most decisions about seats fall due in it
SLACK = pd.Timedelta(days=16)  # as-of dates are a month apart
MOVED = 0.02  # of ARR; below this it is rounding or an exchange rate
ROWS = 12_000  # monthly rows are nearly copies: more of them cost time and teach nothing
ENOUGH = 60  # rows that moved, and that did not
ROUNDS = 8


@dataclass(frozen=True)
class Growth:
    """Rows whose later revenue is known, for the line to learn from.

    Attributes:
        design: Their features.
        change: Log of ARR half a year later over ARR at the row's date.
    """

    design: pd.DataFrame
    change: np.ndarray


def changes(all_rows: pd.DataFrame) -> pd.DataFrame:
    """Find what became of every panel row's ARR.

    Args:
        all_rows: Panel rows with `account_id`, `as_of`, `arr`, `is_customer`; unique and in any order.

    Returns:
        On the index of the rows: `change` (log ratio; NaN where the account is not a customer then, or
        nobody asked) and `known_on`, the as-of date that told.
    """
    dates = pd.DatetimeIndex(sorted(all_rows["as_of"].unique()))
    position = dates.get_indexer(dates + SPAN, method="nearest", tolerance=SLACK)
    later_of = pd.Series(dates[position].where(position >= 0), index=dates)
    known_on = all_rows["as_of"].map(later_of)
    staying = all_rows["is_customer"].fillna(False).astype(bool)
    arr = pd.to_numeric(all_rows["arr"], errors="coerce").astype(float)
    told = arr.where(staying & (arr > 0))
    told.index = pd.MultiIndex.from_arrays([all_rows["account_id"], all_rows["as_of"]])
    later = told.reindex(pd.MultiIndex.from_arrays([all_rows["account_id"], known_on])).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(later) - np.log(arr.to_numpy())
    change[~np.isfinite(change)] = np.nan
    return pd.DataFrame({"change": change, "known_on": known_on.to_numpy()}, index=all_rows.index)


def growth_of(found: pd.DataFrame, design: pd.DataFrame, *, today: pd.Timestamp, seed: int) -> Growth:
    """Collect the rows whose later revenue was known on a day.

    Args:
        found: `changes` of the rows.
        design: Their features, in the same order.
        today: The training day.
        seed: Of the sample.

    Raises:
        EmbargoError: A row tells of the time after the training day.
    """
    known = ((found["known_on"] <= today) & found["change"].notna()).to_numpy()
    rows = np.flatnonzero(known)
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=ROWS, replace=False))
    if len(rows) and found["known_on"].iloc[rows].max() > today:
        raise EmbargoError(f"Revenue after the training date {today:%Y-%m-%d} would be learned from.")
    return Growth(design.iloc[rows], found["change"].to_numpy()[rows])


def moved(found: pd.DataFrame, today: pd.Timestamp) -> int:
    """Count the rows whose revenue was known on a day to have grown or shrunk."""
    return int(((found["known_on"] <= today) & (found["change"].abs() > MOVED)).sum())


def hints(x: np.ndarray, change: np.ndarray, penalty: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Learn the weights of the two sums: what predicts shrinking, and what speaks against growing.

    Args:
        x: Encoded rows x columns.
        change: See `Growth`.
        penalty: Ridge penalty per column.
        signs: Direction in which each column may push the risk of leaving; 0: either.

    Returns:
        Sums x columns: weights that point towards risk, 0 where the direction is not known; none for a
        sum about which too few rows tell.
    """
    found = [np.zeros((0, x.shape[1]))]
    for towards_risk, went in ((1, change < -MOVED), (-1, change > MOVED)):
        if min(went.sum(), (~went).sum()) < ENOUGH:
            continue
        weights = towards_risk * least_squares(x, went.astype(float), penalty, towards_risk * signs)
        found.append(np.where(signs == 0, 0.0, weights)[None])
    return np.concatenate([one for one in found if len(one) == 0 or one.any()])


def least_squares(x: np.ndarray, y: np.ndarray, penalty: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Fit a ridge by least squares whose coefficients may not contradict their signs."""
    centred = x - x.mean(axis=0)
    gram, moment = centred.T @ centred + np.diag(penalty), centred.T @ (y - y.mean())
    active = np.ones(x.shape[1], dtype=bool)
    weights = np.zeros(x.shape[1])
    for _ in range(ROUNDS):
        weights = np.zeros(x.shape[1])
        weights[active] = np.linalg.solve(gram[np.ix_(active, active)], moment[active])
        wrong = weights * signs < 0
        if not wrong.any():
            break
        active &= ~wrong
    return np.where(weights * signs < 0, 0.0, weights)
