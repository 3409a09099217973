"""How many of the losses were among the accounts that asked for attention, at the share that this took.

"It predicts 80 % of churn" means nothing without what was called to reach it: a team that calls everybody
predicts all of it. So each reading has its share of the accounts and its precision beside its recall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_health.model.data.labels import as_times, outcome_labels

ATTENTION, RED_YELLOW, RED = "attention needed", "Red and Yellow", "Red"


@dataclass(frozen=True)
class Reading:
    """One way to say which accounts were flagged, and what became of all of them.

    Attributes:
        name: Which accounts were flagged.
        share: Of all accounts; None where no published day said who is.
        recall: Share of the losses that were among them; None without a loss.
        precision: Share of them that was lost in time.
        losses: Different accounts lost.
        days: Published days that were graded.
    """

    name: str
    share: float | None
    recall: float | None
    precision: float | None
    losses: int
    days: int

    @property
    def lift(self) -> float | None:
        """How many times as frequent losses are among them as among all."""
        return self.recall / self.share if self.recall is not None and self.share else None


def recall_readings(
    published: pd.DataFrame, outcomes: pd.DataFrame, *, as_of: date, horizon_days: int
) -> list[Reading]:
    """Grade published days whose horizon has passed, by each way to flag accounts.

    Args:
        published: As `ledger.score_history.weekly_bands` returns it.
        outcomes: Canonical outcomes; entries logged on `as_of` or later are not looked at.
        as_of: Today.
        horizon_days: Within how many days a loss counts as predicted.
    """
    rows = published.assign(as_of=as_times(published["as_of"])) if len(published) else published
    labels = (
        outcome_labels(outcomes, rows, horizon_days=horizon_days, as_of=as_of)
        if len(rows)
        else pd.Series(dtype=float)
    )
    known = labels.notna().to_numpy()
    rows, lost = rows[known], labels[known].to_numpy(dtype=float) == 1
    told = rows["attention"].notna().to_numpy() if len(rows) else np.zeros(0, dtype=bool)
    flags = {
        ATTENTION: (rows["attention"].fillna(False).astype(bool).to_numpy() if len(rows) else told, told),
        RED_YELLOW: (rows["band"].isin(["Red", "Yellow"]).to_numpy(), np.ones(len(rows), dtype=bool)),
        RED: ((rows["band"] == "Red").to_numpy(), np.ones(len(rows), dtype=bool)),
    }
    return [_reading(name, rows[of], flag[of], lost[of]) for name, (flag, of) in flags.items()]


def _reading(name: str, rows: pd.DataFrame, flag: np.ndarray, lost: np.ndarray) -> Reading:
    return Reading(
        name,
        share=float(flag.mean()) if len(flag) else None,
        recall=float(flag[lost].mean()) if lost.any() else None,
        precision=float(lost[flag].mean()) if flag.any() else None,
        losses=int(rows["account_id"][lost].nunique()),
        days=int(rows["as_of"].nunique()),
    )
