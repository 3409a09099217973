"""What a training found and decided, in numbers for machines and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from customer_health.model.baselines import NaiveBaseline
from customer_health.model.blend import Blend
from customer_health.model.champion import Champion
from customer_health.model.rules import RuleScore
from customer_health.model.selection import SINGLES, Evaluation

METRICS = ("auc", "cal_auc", "pr_auc", "recall", "lift", "brier", "ece", "predicted_to_observed")
Decision = Literal["model", "rules"]


@dataclass(frozen=True)
class HeadReport:
    """What became of one horizon.

    Attributes:
        horizon: In days.
        kind: The candidate that won, or None.
        why: The reason, as part of a sentence.
        folds: Complete walk-forward test periods.
        rows: Eligible rows with a label.
        churners: Different accounts among the lost rows.
        separations: AUC of each feature alone, highest first.
    """

    horizon: int
    kind: str | None
    why: str
    folds: int
    rows: int
    churners: int
    separations: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))


@dataclass(frozen=True)
class Training:
    """The outcome of one training: a decision, its reasons, and a champion if one earned it."""

    as_of: date
    model_id: str
    decision: Decision
    why: str
    champion: Champion | None
    heads: Mapping[int, HeadReport]
    evaluation: Evaluation
    primary_horizon: int

    def summary(self) -> dict[str, Any]:
        """Return plain JSON data: the decision and, per horizon, what was measured."""
        return {
            "model_id": self.model_id,
            "as_of": self.as_of.isoformat(),
            "decision": self.decision,
            "why": self.why,
            "primary_horizon": self.primary_horizon,
            "signals": self.champion.features.sources if self.champion else [],
            "horizons": {str(report.horizon): self._measured(report) for report in self.heads.values()},
        }

    def _measured(self, report: HeadReport) -> dict[str, Any]:
        shown = report.kind or self.best(report.horizon)
        return {
            "champion": report.kind,
            "candidate": shown,
            "why": report.why,
            "folds": report.folds,
            "rows": report.rows,
            "churners": report.churners,
            **{metric: _plain(self.evaluation.value(report.horizon, shown, metric)) for metric in METRICS},
            "auc_baseline": _plain(self.evaluation.value(report.horizon, NaiveBaseline.kind)),
            "auc_rules": _plain(self.evaluation.value(report.horizon, RuleScore.kind)),
            "anchors": dict(self.champion.anchors[report.horizon]) if self.champion else None,
        }

    def best(self, horizon: int) -> str:
        """The candidate to show for a horizon that has no champion: the one with the highest AUC."""
        return max(
            (Blend.kind, *SINGLES), key=lambda kind: np.nan_to_num(self.evaluation.value(horizon, kind))
        )

    def lines(self) -> list[str]:
        """Sentences for the log, one per horizon."""
        return [f"{capital(report.why)}." for report in self.heads.values()]


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
