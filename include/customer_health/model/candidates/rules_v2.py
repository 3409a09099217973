"""The second rule score: the other signals that the first document lists, without its two defects.

`rules_v1_seed` forgets the sponsor, payment, reviews, executives and mood, so that a customer who leaves
in silence can never be Critical; and it jumps: 0.29 instead of 0.31 of adoption costs 15 points at once.
Here

- every listed signal costs something, and the points of a category are *capped*, so that one kind of
  trouble told five times is not five troubles;
- a penalty grows in proportion between the value where it begins and the value where it is full
  (*continuity*): a small change in a signal is a small change in the score.

The numbers are the first document's where it gives one, and else round figures in their spirit; they
were not fitted to any data. What is unknown costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.data.features import RENEWAL, numbers

CAPS: Mapping[str, float] = {
    "usage": 35.0,
    "support": 25.0,
    "sentiment": 20.0,
    "relationship": 30.0,
    "billing": 15.0,
    "commercial": 20.0,
}


@dataclass(frozen=True)
class Ramp:
    """A penalty that begins at one value of a signal and is full at another.

    Attributes:
        reason: Reason code.
        signal: The signal it reads.
        points: Cost when full.
        begins: Value at which it starts to cost.
        full: Value from which it costs all; on either side of `begins`.
        category: Whose cap it shares.
        near_renewal: Counts only as far as the renewal is near (from 90 days, fully at 60).
    """

    reason: str
    signal: str
    points: float
    begins: float
    full: float
    category: str
    near_renewal: bool = False

    def cost(self, row: Mapping[str, np.ndarray]) -> np.ndarray:
        """Points per row."""
        share = np.clip((row[self.signal] - self.begins) / (self.full - self.begins), 0, 1)
        if self.near_renewal:
            share = share * np.clip((90 - row[RENEWAL]) / 30, 0, 1)
        return np.asarray(np.nan_to_num(share) * self.points, dtype=float)


RULES_V2 = (
    Ramp("usage_decline", "usage_trend_slope_norm", 20, -0.05, -0.30, "usage"),
    Ramp("usage_decline", "core_action_delta_30d", 20, -0.10, -0.40, "usage"),
    Ramp("low_adoption", "feature_adoption_score", 15, 0.40, 0.20, "usage"),
    Ramp("low_adoption", "power_user_ratio", 10, 0.15, 0.0, "usage"),
    Ramp("silent_account", "silent_account", 35, 0.0, 1.0, "usage"),
    Ramp("critical_tickets", "open_critical_tickets", 25, 0.0, 1.0, "support"),
    Ramp("unanswered_tickets", "open_unanswered_tickets_3d", 10, 0.0, 2.0, "support"),
    Ramp("slow_support", "avg_resolution_time_days", 10, 5.0, 15.0, "support"),
    Ramp("escalation", "escalations_90d", 15, 0.0, 2.0, "support"),
    Ramp("low_nps", "recent_nps", 15, 7.0, 4.0, "sentiment"),
    Ramp("low_csat", "csat_180d", 10, 3.5, 2.0, "sentiment"),
    Ramp("negative_sentiment", "support_sentiment_90d", 15, 0.40, 0.15, "sentiment"),
    Ramp("sponsor_left", "sponsor_change_6m", 15, 0.0, 1.0, "relationship"),
    Ramp("single_threaded", "contacts_known", 10, 2.0, 1.0, "relationship"),
    Ramp("no_recent_contact", "days_since_last_interaction", 10, 45.0, 120.0, "relationship"),
    Ramp("no_exec_contact", "days_since_exec_activity", 15, 60.0, 120.0, "relationship"),
    Ramp("no_ebr", "days_since_ebr", 5, 180.0, 365.0, "relationship"),
    Ramp("late_payment", "payment_delay_days", 10, 5.0, 30.0, "billing"),
    Ramp("late_payment", "overdue_days_max", 15, 5.0, 45.0, "billing"),
    Ramp("arr_contraction", "arr_change_12m_rel", 20, 0.0, -0.10, "commercial", near_renewal=True),
    Ramp("contract_modification", "contract_modification_attempts_180d", 10, 0.0, 2.0, "commercial"),
)
SIGNALS = tuple(dict.fromkeys([*(ramp.signal for ramp in RULES_V2), RENEWAL]))


def rules_v2(panel: pd.DataFrame) -> pd.DataFrame:
    """Score accounts by the second set of rules.

    Args:
        panel: Any frame with the signals that the rules read; a missing one is unknown everywhere.

    Returns:
        On the panel's index: `score` (0-100, higher is healthier) and, per reason code, its points after
        the caps. Where a cap binds, the category's penalties shrink in proportion.
    """
    each = points_of(panel)
    reasons = {ramp.signal: ramp.reason for ramp in RULES_V2}
    points = {reason: np.zeros(len(panel)) for reason in dict.fromkeys(reasons.values())}
    for signal, reason in reasons.items():
        points[reason] = points[reason] + each[signal].to_numpy()
    score = np.clip(100 - each.to_numpy().sum(axis=1), 0, 100)
    return pd.DataFrame({"score": score, **points}, index=panel.index)


def points_of(panel: pd.DataFrame) -> pd.DataFrame:
    """What each signal costs, after the caps: one column per signal, on the panel's index.

    Each signal has one ramp. Where a cap binds, the category's penalties shrink in proportion.
    """
    row = {name: numbers(panel[name]) if name in panel else np.full(len(panel), np.nan) for name in SIGNALS}
    points: dict[str, np.ndarray] = {}
    for category, cap in CAPS.items():
        costs = {ramp.signal: ramp.cost(row) for ramp in RULES_V2 if ramp.category == category}
        spent = np.sum(list(costs.values()), axis=0)
        scale = np.divide(cap, spent, out=np.ones(len(panel)), where=spent > cap)
        points |= {signal: cost * scale for signal, cost in costs.items()}
    return pd.DataFrame(points, index=panel.index)


class RuleScoreV2:
    """The second rule score in the shape of a candidate: it ranks accounts, and knows no probabilities."""

    kind: ClassVar[str] = "rules_v2"
    is_probability: ClassVar[bool] = False

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Learn nothing: the numbers were given."""
        return self

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """Return the lost points; a rank, not a logit."""
        return 100 - rules_v2(design)["score"].to_numpy()
