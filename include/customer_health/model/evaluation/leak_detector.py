"""The leak detector: three tests that tell insight from hindsight, and the evidence for each verdict.

A. *Too good alone*: a single column that separates next quarter's losses better than any honest one does.
B. *Does not fade*: what warns today warns less of a loss in half a year. A column that was filled in
   after the loss knows both equally well.
C. *Rewritten*: what the column says now about a past day differs from what it said on that day, more
   often for those who left; or it has no past at all, so that nobody can know.

A column that is caught is left out, and training says so; above `gates.STOP_AUC` it stops instead. A
person who has checked a column lists it under `model.trusted_signals`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.model.candidates.candidate_list import downsample
from customer_health.wording import percent

NEAR_DAYS, FAR_FROM, FAR_TO = 91, 182, 273
TOO_GOOD = 0.85
RETENTION, WORTH_ASKING = 0.92, 0.60
REWRITTEN_GAP = 0.10  # difference of change rates, lost against kept
MIN_LOST = 20
ONE_SIDED = 1.64


@dataclass(frozen=True)
class Finding:
    """One caught column.

    Attributes:
        column: Its name.
        test: "too good alone", "does not fade", "rewritten" or "no past".
        evidence: The numbers, in words.
    """

    column: str
    test: str
    evidence: str

    def sentence(self) -> str:
        """As cards and logs tell it."""
        return f"'{self.column}' {self.evidence} ({self.test})"


@dataclass(frozen=True)
class Outcomes:
    """What became of the rows: days to the loss, for how many days that is known, and whose rows they are."""

    loss_after: np.ndarray
    known_for: np.ndarray
    accounts: np.ndarray

    def near(self) -> np.ndarray:
        """1 lost within 91 days, 0 not, NaN unknown."""
        return np.where(self.known_for >= NEAR_DAYS, self.loss_after <= NEAR_DAYS, np.nan)

    def far(self) -> np.ndarray:
        """1 lost in days 183 to 273, 0 still there afterwards, NaN unknown or lost before."""
        known = (self.known_for >= FAR_TO) & (self.loss_after > FAR_FROM)
        return np.where(known, self.loss_after <= FAR_TO, np.nan)


def separations(design: pd.DataFrame, columns: Sequence[str], outcomes: Outcomes) -> pd.DataFrame:
    """Measure how well each column alone warns of near and of far losses.

    Returns:
        By column: `near` and `far` (AUC, turned so that near is at least 0.5), `retention`, and
        `near_error`, `far_error` (standard errors by the number of different lost accounts).
    """
    windows = {}
    for name, y in (("near", outcomes.near()), ("far", outcomes.far())):
        known = np.flatnonzero(~np.isnan(y))
        picked = known[downsample(y[known], 1)[0]] if len(known) else known
        lost = len(np.unique(outcomes.accounts[picked][y[picked] == 1])) if len(picked) else 0
        windows[name] = (picked, y[picked], lost)
    rows = []
    for column in columns:
        values = design[column].to_numpy(dtype=float)
        views = [np.nan_to_num(values, nan=float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0)]
        if np.isnan(values).any():
            views.append(np.isnan(values).astype(float))
        found = [_near_and_far(view, windows) for view in views]
        near, far = max(found, key=lambda pair: pair[0])
        errors = {f"{name}_error": _error(windows[name][2]) for name in windows}
        retention = (far - 0.5) / (near - 0.5) if near > 0.5 else 0.0
        rows.append({"column": column, "near": near, "far": far, "retention": retention, **errors})
    return pd.DataFrame(rows).set_index("column") if rows else pd.DataFrame()


def _near_and_far(
    view: np.ndarray, windows: dict[str, tuple[np.ndarray, np.ndarray, int]]
) -> tuple[float, float]:
    from sklearn.metrics import roc_auc_score

    areas = []
    for picked, y, lost in windows.values():
        if lost < MIN_LOST or (y == 0).sum() < MIN_LOST:
            areas.append(0.5)
            continue
        areas.append(float(roc_auc_score(y, view[picked])))
    near, far = areas
    return (near, far) if near >= 0.5 else (1 - near, 1 - far)


def _error(lost: int) -> float:
    return 0.29 / np.sqrt(lost) if lost else float("inf")  # of an AUC near 0.5 to 0.7 among many kept


def judge(table: pd.DataFrame, *, static: Collection[str] = ()) -> list[Finding]:
    """Apply tests A and B.

    Args:
        table: What `separations` returned.
        static: Columns that describe what kind of customer it is. Their past is kept by contract
            states, and a small customer stays small: that they do not fade proves nothing.
    """
    found = []
    for column, row in table.iterrows():
        name = str(column)
        if row["near"] > TOO_GOOD:
            found.append(
                Finding(
                    name,
                    "too good alone",
                    f"alone tells next quarter's losses apart with AUC {row['near']:.3f}; "
                    f"honest columns stay below {TOO_GOOD}",
                )
            )
        elif (
            name not in static
            and row["near"] - ONE_SIDED * row["near_error"] > WORTH_ASKING
            and row["far"] - ONE_SIDED * row["far_error"] > 0.5
            and row["retention"] > RETENTION
        ):
            found.append(
                Finding(
                    name,
                    "does not fade",
                    f"warns of losses in {FAR_FROM}-{FAR_TO} days (AUC {row['far']:.3f}) as well as of those "
                    f"within {NEAR_DAYS} (AUC {row['near']:.3f})",
                )
            )
    return found


def audit(
    then: pd.DataFrame, now: pd.DataFrame, outcomes: pd.Series, columns: Sequence[str]
) -> list[Finding]:
    """Apply test C: compare what the signals of a past day were on that day with what they are today.

    Args:
        then: Signals as they were stored on their days: `account_id`, `as_of` and columns.
        now: The same rows, built again from today's tables.
        fates: 1 lost, 0 kept, NaN unknown, on the index of `now`.
        columns: Columns to compare.
    """
    keys = ["account_id", "as_of"]
    both = now[keys].assign(lost=outcomes.to_numpy(), row=np.arange(len(now)))
    both = both.merge(then[keys].assign(old=np.arange(len(then))), on=keys)
    lost, kept = (both["lost"] == value for value in (1, 0))
    if lost.sum() < MIN_LOST or kept.sum() < MIN_LOST:
        return []
    found = []
    for column in columns:
        if column not in then or column not in now:
            continue
        old = pd.to_numeric(then[column], errors="coerce").to_numpy(dtype=float)[both["old"]]
        new = pd.to_numeric(now[column], errors="coerce").to_numpy(dtype=float)[both["row"]]
        changed = ~(np.isclose(old, new, rtol=1e-6, atol=1e-9, equal_nan=True))
        rates = changed[lost].mean(), changed[kept].mean()
        if abs(rates[0] - rates[1]) > REWRITTEN_GAP:
            found.append(
                Finding(
                    column,
                    "rewritten",
                    f"says something else today about the past of {percent(rates[0])} of the lost and "
                    f"{percent(rates[1])} of the kept accounts",
                )
            )
    return found


def without_past(snapshot: pd.DataFrame, rows: pd.DataFrame, outcomes: Outcomes) -> list[Finding]:
    """Refuse the fields of a current-state table, with what they would have betrayed.

    Args:
        snapshot: One row per account, as of today: `account_id` and fields.
        rows: Panel rows (`account_id`) to which somebody might join them.
        outcomes: Of those rows.
    """
    fields = [
        str(name)
        for name in snapshot.columns.astype(str)
        if name not in ("account_id", "occurred_at", "known_at")
        and not str(name).startswith("_")
        and snapshot[name].notna().any()  # a field that nobody maps betrays nothing
    ]
    if snapshot.empty or not fields:
        return []
    table = snapshot.drop_duplicates("account_id").set_index(snapshot["account_id"].astype(str))
    joined = table.reindex(rows["account_id"].astype(str))
    numbers = pd.DataFrame(
        {name: pd.to_numeric(joined[name], errors="coerce").to_numpy(dtype=float) for name in fields}
    )
    measured = separations(numbers, fields, outcomes)
    caught = {finding.column: finding for finding in judge(measured)}
    found = []
    for name in map(str, fields):
        alone = f"alone it reaches AUC {float(measured['near'][name]):.3f}"
        more = f"it {caught[name].evidence}" if name in caught else alone
        evidence = f"has no history, so no past day can be asked what it said; {more}"
        found.append(Finding(name, "no past", evidence))
    return found
