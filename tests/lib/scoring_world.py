"""A small portfolio for scoring tests: a champion whose contributions can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.data.fixed_distance import at_reference, reference_days
from customer_health.signals.catalogue import CATALOGUE

AS_OF = date(2026, 3, 1)


# What a healthy, average account looks like.
NORMAL: Mapping[str, float] = {
    "usage_delta_28d": 0.0, "usage_trend_slope": 0.0, "feature_adoption_score": 0.6,
    "open_critical_tickets": 0.0, "recent_nps": 8.0, "sponsor_change_6m": 0.0,
    "arr_change_12m": 0.0, "days_to_renewal": 119.0,
    "escalations_90d": 0.0,
}  # fmt: skip
SIGNALS = {name: CATALOGUE[name] for name in NORMAL}


def panel(accounts: Mapping[str, Mapping[str, Any]], as_of: date = AS_OF) -> pd.DataFrame:
    """A panel with one row per account; give only what differs from an ordinary customer."""
    context = {
        "as_of": as_of, "is_customer": True, "tenure_days": 400, "notice_given": False, "arr": 10_000.0,
        "seats": 10, "plan": "pro", "segment": "smb", "coverage": 1.0,
    }  # fmt: skip
    rows = [{"account_id": name, **context, **NORMAL, **given} for name, given in accounts.items()]
    return pd.DataFrame(rows)


# An average account that was frozen with the champion, so that nobody's neighbours move his points.
FROZEN = {horizon: {"log_odds": -3.0, "contributions": {}} for horizon in (90, 180)}


@dataclass
class HandChampion:
    """Log-odds of churn = base + weight x (value - normal), summed over signals; unknown adds nothing."""

    base: float = -3.0
    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "usage_delta_28d": -4.0, "usage_trend_slope": -0.5, "feature_adoption_score": -1.0,
            "open_critical_tickets": 0.8, "recent_nps": -0.2, "sponsor_change_6m": 1.0,
            "arr_change_12m": -0.0001, "days_to_renewal": -0.005, "escalations_90d": 0.7,
        }
    )  # fmt: skip
    model_id: str = "hand-1"
    anchors: Mapping[Any, Mapping[str, float]] = field(
        default_factory=lambda: {180: {"p_green": 0.05, "p_red": 0.20}, 90: {"p_green": 0.02, "p_red": 0.1}}
    )
    reference: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    health_horizon: int = 180
    attention: float = 0.04
    track_records: Mapping[str, Any] = field(default_factory=dict)

    def contributions(self, frame: pd.DataFrame, horizon: int) -> pd.DataFrame:
        """Per signal, in log-odds."""
        values = frame[list(self.weights)].to_numpy(dtype=float)
        normal = np.array([NORMAL[name] for name in self.weights])
        parts = np.nan_to_num((values - normal) * np.array(list(self.weights.values())))
        return pd.DataFrame(parts, index=frame.index, columns=list(self.weights))

    @property
    def heads(self) -> Mapping[int, None]:
        """Its horizons."""
        return dict.fromkeys(self.anchors)

    @property
    def health_anchors(self) -> Mapping[str, float]:
        """Where the score's scale is pinned."""
        return self.anchors[self.health_horizon]

    @property
    def meaning(self) -> str:
        """As published."""
        return f"health_{reference_days(self.health_horizon)}d"

    def health_contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Per signal, with the renewal at the reference day."""
        return self.contributions(at_reference(frame, self.health_horizon), self.health_horizon)

    def health_logit(self, frame: pd.DataFrame) -> pd.Series:
        """Log-odds of leaving within 180 days, with the renewal at the reference day."""
        p = self.predict(at_reference(frame, self.health_horizon))["p180"]
        return np.log(p / (1 - p))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """p180 from the log-odds, p90 half of it; an account with `poison` gets none."""
        z = self.base + self.contributions(frame, 180).sum(axis=1)
        p = 1 / (1 + np.exp(-z))
        if "poison" in frame:
            p = p.where(frame["poison"].isna())
        return frame[["account_id", "as_of"]].assign(p90=p / 2, p180=p, p_decision=(1 + p) * p)
