"""The leak detector: three tests that tell insight from hindsight, and the evidence for each verdict.

A. *Too good alone*: a single column that separates next quarter's losses better than any honest one does.
B. *Does not fade*: what warns today warns less of a loss in half a year. A column that was filled in
   after the loss knows both equally well. Each lost account is compared with itself, half a year apart, and
   what is left must be more than chance, for as many columns as were asked: with seventy losses, a fifth of
   the honest signals keep up by chance.
C. *Rewritten*: what the column says now about a past day differs from what it said on that day, more
   often for those who left; or it has no past at all, so that nobody can know.

A column that is caught is left out, and training says so; above `gates.STOP_AUC` it stops instead. A
person who has checked a column lists it under `model.trusted_signals`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import NormalDist

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
FALSE_ALARM = 0.05  # chance that a training without hindsight accuses any column of not fading


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
        By column: `near` and `far` (AUC, turned so that near is at least 0.5), `retention`, `far_error`
        (standard error by the number of different lost accounts), and `kept_up`: by how many standard errors
        the lost accounts seen in both windows keep more than `RETENTION` of their warning; NaN for few.
    """
    windows = {}
    for name, y in (("near", outcomes.near()), ("far", outcomes.far())):
        known = np.flatnonzero(~np.isnan(y))
        picked = known[downsample(y[known], 1)[0]] if len(known) else known
        windows[name] = _Window(picked, y[picked], outcomes.accounts[picked])
    rows = []
    for column in columns:
        values = design[column].to_numpy(dtype=float)
        views = [np.nan_to_num(values, nan=float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0)]
        if np.isnan(values).any():
            views.append(np.isnan(values).astype(float))
        found = [_near_and_far(view, windows["near"], windows["far"]) for view in views]
        near, far, kept_up = max(found, key=lambda one: one[0])
        retention = (far - 0.5) / (near - 0.5) if near > 0.5 else 0.0
        rows.append(
            {
                "column": column,
                "near": near,
                "far": far,
                "retention": retention,
                "far_error": _error(windows["far"].lost_accounts),
                "kept_up": kept_up,
            }
        )
    return pd.DataFrame(rows).set_index("column") if rows else pd.DataFrame()


@dataclass(frozen=True)
class _Window:
    """Rows whose fate within a window is known."""

    picked: np.ndarray
    lost: np.ndarray
    accounts: np.ndarray

    @property
    def lost_accounts(self) -> int:
        return len(np.unique(self.accounts[self.lost == 1]))

    def places(self, view: np.ndarray) -> pd.Series:
        """Share of the kept rows below each lost row, ties by half, by account; empty where few are lost."""
        values = view[self.picked]
        kept, lost = np.sort(values[self.lost == 0]), values[self.lost == 1]
        if self.lost_accounts < MIN_LOST or len(kept) < MIN_LOST:
            return pd.Series(dtype=float)
        below = (np.searchsorted(kept, lost, "left") + np.searchsorted(kept, lost, "right")) / 2
        return pd.Series(below / len(kept), self.accounts[self.lost == 1])


def _near_and_far(view: np.ndarray, near: _Window, far: _Window) -> tuple[float, float, float]:
    """AUC of both windows, and by how many standard errors the accounts in both keep up."""
    places = [near.places(view), far.places(view)]
    areas = [float(one.mean()) if len(one) else 0.5 for one in places]  # the mean place is the AUC
    sign = 1.0 if areas[0] >= 0.5 else -1.0
    both = pd.concat([one.groupby(level=0).mean() for one in places], axis=1).dropna().to_numpy() - 0.5
    kept_up = np.nan
    if len(both) >= MIN_LOST:
        beyond = sign * (both[:, 1] - RETENTION * both[:, 0])
        error = beyond.std(ddof=1) / np.sqrt(len(beyond))
        kept_up = float(beyond.mean() / max(error, 1e-12))
    return 0.5 + sign * (areas[0] - 0.5), 0.5 + sign * (areas[1] - 0.5), kept_up


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
    enough = NormalDist().inv_cdf(1 - FALSE_ALARM / max(len(table), 1))
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
            and row["near"] > WORTH_ASKING
            and row["far"] - ONE_SIDED * row["far_error"] > 0.5
            and row["kept_up"] > enough
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
