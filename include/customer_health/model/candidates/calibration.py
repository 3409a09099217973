"""When probabilities are off: stretch and shift the log-odds, and nothing more flexible.

The two-parameter beta calibration with equal shape parameters, which is a straight line in log-odds.
Isotonic regression was measured to cost 0.007 of AUC and to tie nearly all scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.errors import FatalError
from customer_health.model.candidates.candidate import Candidate, read, stable
from customer_health.model.candidates.constrained_logistic import fit_ridge, sigmoid
from customer_health.model.evaluation.fold_results import LOGO, Evaluation

RANGE = (0.8, 1.25)  # of predicted / observed, and of the slope
MIN_LOST = 60  # test rows; fewer cannot fit two numbers better than leaving them alone


class Calibrated:
    """A candidate whose log-odds are `shift + slope * log-odds`."""

    kind: ClassVar[str] = "calibrated"
    is_probability: ClassVar[bool] = True

    def __init__(self, inner: Candidate, *, shift: float, slope: float) -> None:
        self.inner, self.shift, self.slope = inner, shift, slope

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Refuse: its two numbers come from predictions on unseen accounts."""
        raise FatalError("A calibration is not learned from the rows that the model was taught with.")

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        return self.shift + self.slope * self.inner.predict_logit(design)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`."""
        return self.slope * self.inner.contributions(design)

    @property
    def base(self) -> float:
        """See `Candidate.base`."""
        return self.shift + self.slope * self.inner.base

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        state = {"inner": self.inner.kind, "shift": self.shift, "slope": self.slope}
        return {**self.inner.to_files(), f"{self.kind}.json": json.dumps(state)}

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        state = json.loads(files[f"{cls.kind}.json"])
        return cls(read(state["inner"], files), shift=state["shift"], slope=state["slope"])


def calibration_warning(evaluation: Evaluation, horizon: int, kind: str, head: str = LOGO) -> str | None:
    """Say what is wrong with the probabilities, or None.

    A number outside of the range by chance is not a complaint: its whole 90 % interval must be.
    """
    for metric, words in (
        ("predicted_to_observed", "losses predicted per loss"),
        ("slope", "calibration slope"),
    ):
        value, low, high = evaluation.range(horizon, kind, metric, head)
        if np.isfinite(value) and (high < RANGE[0] or low > RANGE[1]):
            return f"{words} {value:.2f} ({low:.2f} to {high:.2f}), not within {RANGE[0]} to {RANGE[1]}"
    return None


def line(predictions: pd.DataFrame, kind: str) -> tuple[float, float] | None:
    """Fit shift and slope on walk-forward predictions, if that helps on later ones.

    Half of the folds, the earlier ones, propose; the later ones must agree by a better log-loss.

    Returns:
        Shift and slope fitted on all folds, or None to leave the probabilities as they are.
    """
    days = sorted(predictions["train_date"].unique())
    if len(days) < 2 or predictions["y"].sum() < MIN_LOST:
        return None
    early = predictions["train_date"].isin(days[: len(days) // 2])
    shift, slope = _fit(predictions[early], kind)
    later = predictions[~early]
    if _loss(later, kind, shift, slope) >= _loss(later, kind, 0.0, 1.0):
        return None
    return _fit(predictions, kind)


def _fit(rows: pd.DataFrame, kind: str) -> tuple[float, float]:
    logit, y = rows[kind].to_numpy(dtype=float), rows["y"].to_numpy(dtype=float)
    # A weak pull towards slope 1 keeps a handful of losses from turning the ranking around.
    shift, extra = _with_offset(logit, y)
    return float(stable(np.array(shift))), float(stable(np.array(max(1 + extra, 0.1))))


def _with_offset(logit: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    intercept, coefficient = fit_ridge(logit[:, None], y, np.ones(len(y)), penalty=1e-6)
    return intercept, float(coefficient[0]) - 1


def _loss(rows: pd.DataFrame, kind: str, shift: float, slope: float) -> float:
    p = np.clip(sigmoid(shift + slope * rows[kind].to_numpy(dtype=float)), 1e-9, 1 - 1e-9)
    y = rows["y"].to_numpy(dtype=float)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
