"""A random forest (Breiman 2001), grown by LightGBM and kept as its text.

LightGBM rather than scikit-learn, because its trees travel as text and not as a pickle, it takes missing
values and monotone directions as they are, and a task that predicts need not import scikit-learn. Each
tree fits 0/1 labels by least squares, which for two classes is the Gini criterion; the forest's
probability is the mean of its leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from customer_health.model.candidates.boosted_trees import BoostedTrees

EDGE = 1e-4  # a leaf without a loss is rare, not impossible


class RandomForest(BoostedTrees):
    """Bagged deep trees on the raw design."""

    kind: ClassVar[str] = "random_forest"
    rounds: ClassVar[int] = 150
    parameters: ClassVar[Mapping[str, Any]] = {
        "objective": "regression",
        "boosting": "rf",
        "num_leaves": 63,
        "feature_fraction_bynode": 0.3,
        "bagging_fraction": 0.632,
        "bagging_freq": 1,
        "max_bin": 63,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }

    def _probability(self, design: pd.DataFrame) -> np.ndarray:
        x = design[self._names].to_numpy()
        return np.asarray(self._grown.predict(x, num_threads=self.threads), dtype=float)

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        return _log_odds(self._probability(design))

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`: SHAP values of the probability, stretched to the log-odds."""
        parts = super().contributions(design)
        logit = self.predict_logit(design) - self.base
        moved = parts.to_numpy().sum(axis=1)
        stretch = np.divide(logit, moved, out=np.zeros_like(logit), where=np.abs(moved) > 1e-12)
        stretched = parts.mul(stretch, axis=0)
        # What rounding or a clipped edge leaves over is shared out, so that the parts add up.
        rest = (logit - stretched.to_numpy().sum(axis=1)) / max(parts.shape[1], 1)
        return stretched.add(rest, axis=0)

    @property
    def base(self) -> float:
        """The logit that the forest expects before it looks."""
        return float(_log_odds(np.array([self._base]))[0])


def _log_odds(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=float)
