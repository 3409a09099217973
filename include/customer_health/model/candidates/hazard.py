"""A discrete-time hazard model: the chance of leaving in each month, given that one is still there.

A window of 180 days is cut into intervals; each (account, as-of date, interval) is a row whose label
says whether the account left in it. That uses the first months of windows that have not closed yet,
which a direct classifier must throw away, and lets the model see which interval holds the renewal.
The probability of the whole window is 1 - (1 - h1)(1 - h2)..., so the model needs no second head to agree
with itself over horizons (Singer & Willett 1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.errors import FatalError
from customer_health.model.candidates.boosted_trees import PARAMETERS, BoostedTrees
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.data.features import RENEWAL, Feature
from customer_health.model.data.folds import EmbargoError

INTERVAL = 30  # days, about one
STARTS, LENGTH, DUE, LEFT = (
    "interval_start",
    "interval_length",
    "renewal_in_interval",
    "renewal_from_interval",
)
EXTRA = (
    Feature(STARTS, RENEWAL, "calendar", 0),
    Feature(LENGTH, RENEWAL, "calendar", 0),
    Feature(DUE, RENEWAL, "calendar", 0),
    Feature(LEFT, RENEWAL, "calendar", 0),
)
KEPT_PER_LOSS = 25


def edges_of(horizon_days: int) -> np.ndarray:
    """Cut a horizon into intervals of about a month: 0, 30, 60 ... horizon."""
    pieces = max(round(horizon_days / INTERVAL), 1)
    return np.asarray(np.rint(np.linspace(0, horizon_days, pieces + 1)), dtype=float)


@dataclass(frozen=True)
class Spells:
    """Rows to learn hazards from: one per (panel row, interval) whose fate is known.

    Attributes:
        row: Position of the panel row.
        interval: Number of the interval.
        y: 1 if the account left in it.
        weight: One per spell.
    """

    row: np.ndarray
    interval: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def spells_of(
    times: pd.DataFrame, as_of: pd.Series, *, today: pd.Timestamp, horizon_days: int, seed: int
) -> Spells:
    """Cut known fates into intervals; of the uneventful ones a sample, with weights.

    Args:
        times: `loss_after` and `known_for` of `labels.loss_times` as of `today`.
        as_of: As-of date per row.
        today: The training date.
        horizon_days: Length of the window.
        seed: Of the sample.

    Raises:
        EmbargoError: A spell reaches beyond the training date.
    """
    edges = edges_of(horizon_days)
    loss, known = times["loss_after"].to_numpy(), times["known_for"].to_numpy()
    rows, intervals, labels = [], [], []
    for number, (begin, end) in enumerate(pairwise(edges)):
        # Whole intervals only: a loss that came early in an open one counts no more than its absence.
        at_risk = np.flatnonzero((loss > begin) & (known >= end))
        rows.append(at_risk)
        intervals.append(np.full(len(at_risk), number))
        labels.append((loss[at_risk] <= end).astype(float))
    row, interval, y = (np.concatenate(parts) for parts in (rows, intervals, labels))
    close = as_of.iloc[row].to_numpy() + pd.to_timedelta(edges[interval + 1], unit="D").to_numpy()
    if len(close) and close.max() > today.to_datetime64():
        raise EmbargoError(f"A spell closes after the training date {today:%Y-%m-%d}.")
    lost, kept = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    wanted = min(len(kept), max(KEPT_PER_LOSS * len(lost), 12_000))
    chosen = (
        np.random.default_rng(seed).choice(kept, size=wanted, replace=False) if wanted < len(kept) else kept
    )
    picked = np.sort(np.concatenate([lost, chosen]))
    weight = np.where(y[picked] == 1, 1.0, len(kept) / max(wanted, 1))
    return Spells(row[picked], interval[picked], y[picked], weight)


class HazardTrees(BoostedTrees):
    """Boosted trees for the hazard of each interval; learns from `Spells`.

    They are shallower than trees for a whole window: cut into intervals, the calendar is simple.
    """

    kind: ClassVar[str] = "hazard"
    rounds: ClassVar[int] = 200
    parameters: ClassVar[Mapping[str, Any]] = {
        **PARAMETERS,
        "num_leaves": 4,
        "max_depth": 2,
    }

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        horizon_days: int = 180,
        seed: int = 0,
        threads: int = 1,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        own = tuple(feature for feature in features if feature not in EXTRA)
        kept = {name: value for name, value in (changes or {}).items() if name != "horizon_days"}
        horizon = int((changes or {}).get("horizon_days", horizon_days))
        # Each tree sees few columns, or the same loud ones would answer for every interval.
        share = float(np.clip(1.5 / np.sqrt(len(own) + len(EXTRA)), 0.05, 1.0))
        kept = {"feature_fraction": round(share, 2), **kept}
        super().__init__((*own, *EXTRA), seed=seed, threads=threads, changes=kept)
        self.horizon_days = horizon

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Refuse: labels of a whole window do not say in which interval the loss fell."""
        raise FatalError("A hazard model learns from spells, not from the labels of a window.")

    def fit_spells(self, design: pd.DataFrame, spells: Spells) -> Self:
        """Grow the trees on intervals.

        Args:
            design: Features of all panel rows that the spells point into.
            spells: See `spells_of`.
        """
        table = self._cut(design.iloc[spells.row], spells.interval)
        super().fit(table, spells.y, spells.weight)
        return self

    def _cut(self, design: pd.DataFrame, interval: np.ndarray) -> pd.DataFrame:
        edges = edges_of(self.horizon_days)
        begin, end = edges[interval], edges[interval + 1]
        due = design[RENEWAL].to_numpy()
        return design.assign(
            **{
                STARTS: begin,
                LENGTH: end - begin,
                DUE: ((due >= begin) & (due < end)).astype(float),
                LEFT: due - begin,
            }
        )

    def _each(self, design: pd.DataFrame) -> tuple[list[pd.DataFrame], np.ndarray]:
        """The design and the hazard of every interval; shape (intervals, rows)."""
        count = len(edges_of(self.horizon_days)) - 1
        tables = [self._cut(design, np.full(len(design), number)) for number in range(count)]
        return tables, np.array([sigmoid(super(HazardTrees, self).predict_logit(table)) for table in tables])

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`: of leaving in any of the intervals."""
        _, hazard = self._each(design)
        return _window(hazard)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: intervals' explanations, weighted by their share of the risk.

        What the intervals themselves add (there are several, and one of them holds the renewal) is the
        calendar's part.
        """
        tables, hazard = self._each(design)
        share = hazard / np.maximum(hazard.sum(axis=0), 1e-300)
        parts = [super(HazardTrees, self).contributions(table) for table in tables]
        total = np.sum([part.to_numpy() * w[:, None] for part, w in zip(parts, share, strict=True)], axis=0)
        frame = pd.DataFrame(total, index=design.index, columns=parts[0].columns)
        rest = _window(hazard) - self.base - total.sum(axis=1)
        frame[RENEWAL] = frame[RENEWAL] + rest
        return frame

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        kept = self.changes
        self.changes = {**kept, "horizon_days": self.horizon_days}
        try:
            return super().to_files()
        finally:
            self.changes = kept


def _window(hazard: np.ndarray) -> np.ndarray:
    stays = np.log1p(-np.clip(hazard, 1e-12, 1 - 1e-9)).sum(axis=0)
    return np.asarray(np.log(-np.expm1(stays)) - stays, dtype=float)
