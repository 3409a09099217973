"""The head for the next decision: a line whose signals fade with distance, and trees, averaged.

How much a signal tells of a decision falls with the time that is left until then. On the rows that a line
was fitted to, that cannot be seen: it remembers them however far they are. So the slopes are learned from
what lines fitted without an account say of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate import stable
from customer_health.model.candidates.constrained_logistic import (
    RANGE_PENALTY,
    RENEWAL_EDGES,
    Bucket,
    LogisticRegression,
    fit_ridge,
)
from customer_health.model.data.decision_window import LONGEST
from customer_health.model.data.features import RENEWAL, Feature
from customer_health.model.data.fixed_distance import NOTICE

PARTS = 3  # of the accounts: each is judged by a line that the other two taught
REPEATS = 8.0  # monthly rows that tell of the same loss: a window lasts eight months on average
SLOPE_PENALTY = 20.0  # a slope that few losses speak for stays where the line put it
RANGES = Bucket(RENEWAL_EDGES)


class DecisionModel:
    """Log-odds of being lost at the next decision; see `decision_window`.

    Args:
        features: Columns it reads.
        seed: Of the trees, and of the parts.
        threads: Of LightGBM.
    """

    kind: ClassVar[str] = "decision"
    is_probability: ClassVar[bool] = True

    def __init__(self, features: Sequence[Feature], *, seed: int = 0, threads: int = 1) -> None:
        self.features, self.seed = tuple(features), seed
        self.line = self._new_line()
        self.trees = BoostedTrees(features, seed=seed, threads=threads)
        self.intercept = 0.0
        self.slopes = np.array([1.0, 0.0, 0.0])  # at no distance, what a year adds, what no date adds
        self.ranges = np.zeros(len(RENEWAL_EDGES) + 2)

    def _new_line(self) -> LogisticRegression:
        return LogisticRegression(self.features, repeats=REPEATS, prior=True)

    def fit(
        self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray, accounts: pd.Series | None = None
    ) -> Self:
        """Fit both halves.

        Args:
            design: Features of the training rows.
            y: Labels at the decision.
            weight: One per row.
            accounts: Account of each row; without them the signals do not fade.
        """
        seen = clamped(design)
        self.line = self._new_line().fit(seen, y, weight)
        self.trees.fit(seen, y, weight)
        health = self._health(self.line, seen)
        if accounts is not None:
            codes = pd.factorize(accounts, sort=True)[0]
            part = np.random.default_rng(self.seed).permutation(codes.max() + 1)[codes] % PARTS
            for number in range(PARTS):
                out = part == number
                if out.any() and 0 < y[~out].sum() < (~out).sum():
                    other = self._new_line().fit(seen[~out], y[~out], weight[~out])
                    health[out] = self._health(other, seen[out])
        ranges = RANGES.encode(seen[RENEWAL].to_numpy())
        x = np.column_stack([self._spread(seen) * health[:, None], ranges])
        free = accounts is not None
        penalty = np.r_[np.full(3, SLOPE_PENALTY if free else 1e9), np.full(ranges.shape[1], RANGE_PENALTY)]
        believed = np.r_[1.0, np.zeros(2 + ranges.shape[1])]
        intercept, found = fit_ridge(x, y, weight, penalty, centre=believed)
        self.intercept, found = float(stable(np.array(intercept))), stable(found)
        self.slopes, self.ranges = found[:3], found[3:]
        return self

    @staticmethod
    def _health(line: LogisticRegression, seen: pd.DataFrame) -> np.ndarray:
        parts = line.contributions(seen).drop(columns=RENEWAL, errors="ignore")
        return np.asarray(parts.to_numpy(dtype=float).sum(axis=1))

    @staticmethod
    def _spread(seen: pd.DataFrame) -> np.ndarray:
        """What multiplies health: 1, the distance in years, and whether there is no date."""
        days = seen[RENEWAL].to_numpy(dtype=float)
        near = np.clip(np.nan_to_num(days, nan=0.0), 0.0, LONGEST) / LONGEST
        return np.column_stack([np.ones(len(days)), near, np.isnan(days)])

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`; without explaining the trees, which would take ten times as long."""
        seen = clamped(design)
        line = self._line(seen).to_numpy().sum(axis=1) + self.intercept
        return np.asarray((line + self.trees.predict_logit(seen)) / 2, dtype=float)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`."""
        seen = clamped(design)
        return self._line(seen).add(self.trees.contributions(seen), fill_value=0.0) / 2

    def _line(self, seen: pd.DataFrame) -> pd.DataFrame:
        """What each signal adds to the line whose signals fade with distance."""
        slope = np.maximum(self._spread(seen) @ self.slopes, 0.0)
        line = self.line.contributions(seen).drop(columns=RENEWAL, errors="ignore").mul(slope, axis=0)
        line[RENEWAL] = RANGES.encode(seen[RENEWAL].to_numpy()) @ self.ranges
        return line

    @property
    def base(self) -> float:
        """See `Candidate.base`."""
        return (self.intercept + self.trees.base) / 2

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        trees = self.trees.to_files()
        state = {
            "line": json.loads(self.line.to_files()[f"{self.line.kind}.json"]),
            "trees": json.loads(trees[f"{self.trees.kind}.json"]),
            "intercept": self.intercept,
            "slopes": self.slopes.tolist(),
            "ranges": self.ranges.tolist(),
        }
        return {
            f"{self.kind}.txt": trees[f"{self.trees.kind}.txt"],
            f"{self.kind}.json": json.dumps(state, indent=1),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state, kind = json.loads(files[f"{cls.kind}.json"]), BoostedTrees.kind
        line = LogisticRegression.from_files({f"{LogisticRegression.kind}.json": json.dumps(state["line"])})
        made = cls(line.features)
        made.line = line
        made.trees = BoostedTrees.from_files(
            {f"{kind}.txt": files[f"{cls.kind}.txt"], f"{kind}.json": json.dumps(state["trees"])}
        )
        made.intercept, made.slopes = state["intercept"], np.array(state["slopes"])
        made.ranges = np.array(state["ranges"])
        return made


def clamped(design: pd.DataFrame) -> pd.DataFrame:
    """A decision further ahead than a year counts as a year away: nobody learned from further."""
    days = design[RENEWAL].to_numpy(dtype=float)
    beyond = np.maximum(np.nan_to_num(days, nan=0.0) - LONGEST, 0.0)
    moved = {RENEWAL: days - beyond}
    if NOTICE in design:
        moved[NOTICE] = design[NOTICE].to_numpy(dtype=float) - beyond
    return design.assign(**moved)
