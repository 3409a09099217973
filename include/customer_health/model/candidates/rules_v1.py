"""The rule score: 100 minus penalties, with the numbers of the document that proposed it.

`rules_v1_seed` is that formula as written, with one repair: the original tested `if nps and nps < 7`,
so that an NPS of 0, the angriest answer there is, cost nothing. What is unknown costs nothing.

AblationReport knowing: only 5 of the 32 combinations of penalties fall below 30 (Critical), and each of them
contains an open critical ticket, so a customer who leaves in silence never gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.data.features import REFERENCE_INPUTS, RENEWAL, numbers

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Rule:
    """A penalty: `points` off when `applies`, named by its reason code."""

    reason: str
    points: float
    applies: Callable[[Columns], np.ndarray]


RULES_V1_SEED = (
    Rule("usage_decline", 20, lambda row: row["usage_trend_slope"] < -0.1),
    Rule("low_adoption", 15, lambda row: row["feature_adoption_score"] < 0.3),
    Rule("critical_tickets", 25, lambda row: row["open_critical_tickets"] > 0),
    Rule("low_nps", 15, lambda row: row["recent_nps"] < 7),  # 0 is an answer; NaN compares as False
    Rule("arr_contraction", 20, lambda row: (row[RENEWAL] < 60) & (row["arr_change_12m"] < 0)),
)


def rules_v1_seed(panel: pd.DataFrame) -> pd.DataFrame:
    """Score accounts by the rules.

    Args:
        panel: Any frame with the signals that the rules read; a missing one is unknown everywhere.

    Returns:
        On the panel's index: `score` (0-100, higher is healthier) and, per reason code, the penalty
        points that it cost (0 if it did not apply).
    """
    row = {
        name: numbers(panel[name]) if name in panel else np.full(len(panel), np.nan)
        for name in REFERENCE_INPUTS
    }
    points = {rule.reason: np.where(rule.applies(row), rule.points, 0.0) for rule in RULES_V1_SEED}
    score = np.clip(100 - np.sum(list(points.values()), axis=0), 0, 100)
    return pd.DataFrame({"score": score, **points}, index=panel.index)


class RuleScore:
    """The rule score in the shape of a candidate: it ranks accounts, and knows no probabilities."""

    kind: ClassVar[str] = "rules"
    is_probability: ClassVar[bool] = False

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Learn nothing: the numbers were given."""
        return self

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """Return the lost points; a rank, not a logit."""
        return 100 - rules_v1_seed(design)["score"].to_numpy()
