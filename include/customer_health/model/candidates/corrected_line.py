"""A straight line, and a few shallow trees on what it leaves over.

Trees that start from nothing spend most of their growth on repeating, in steps, what a line says with
one number. Started from the line's log-odds they add only what it cannot say: that one thing matters
more where another holds. With a few hundred losses that is most of what trees can be trusted with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.features import Feature
from customer_health.model.data.revenue_growth import Growth

# Pairs of signals and no more; half the rounds of trees that must learn everything. They see every row:
# what a line leaves over of a few hundred losses is too little to draw samples from.
CORRECTION: Mapping[str, Any] = {
    "num_leaves": 4,
    "max_depth": 2,
    "rounds": 60,
    "bagging_freq": 0,
    "bagging_fraction": 1.0,
}


class CorrectedLine:
    """`LogisticRegression`, plus `BoostedTrees` grown from its log-odds.

    Args:
        features: Columns it reads.
        repeats: See `LogisticRegression`.
        seed: Of the columns that each tree draws.
        threads: Of LightGBM.
        changes: Parameters of the trees that differ.
    """

    kind: ClassVar[str] = "corrected_line"
    is_probability: ClassVar[bool] = True

    def __init__(
        self,
        features: Sequence[Feature],
        *,
        repeats: float = 1.0,
        seed: int = 0,
        threads: int = 1,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.line = LogisticRegression(features, repeats=repeats, prior=True)
        self.trees = BoostedTrees(
            features, seed=seed, threads=threads, changes={**CORRECTION, **(changes or {})}
        )

    def fit(
        self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray, *, growth: Growth | None = None
    ) -> Self:
        """Fit the line, then grow the trees from where it stands."""
        self.line.fit(design, y, weight, growth=growth)
        self.trees.grow(design, y, weight, self.line.predict_logit(design))
        return self

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        return np.asarray(self.line.predict_logit(design) + self.trees.predict_logit(design), dtype=float)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: the line's parts plus the trees'."""
        return self.line.contributions(design).add(self.trees.contributions(design), fill_value=0.0)

    @property
    def base(self) -> float:
        """See `Candidate.base`."""
        return self.line.base + self.trees.base

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`; under its own name, because a blend may hold another line."""
        trees = self.trees.to_files()
        state = {
            "line": json.loads(self.line.to_files()[f"{self.line.kind}.json"]),
            "trees": json.loads(trees[f"{self.trees.kind}.json"]),
        }
        return {
            f"{self.kind}.txt": trees[f"{self.trees.kind}.txt"],
            f"{self.kind}.json": json.dumps(state, indent=1),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state = json.loads(files[f"{cls.kind}.json"])
        kind = BoostedTrees.kind
        made = cls(())
        made.line = LogisticRegression.from_files({f"{made.line.kind}.json": json.dumps(state["line"])})
        made.trees = BoostedTrees.from_files(
            {f"{kind}.txt": files[f"{cls.kind}.txt"], f"{kind}.json": json.dumps(state["trees"])}
        )
        return made
