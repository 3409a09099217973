"""How much of what matters is known of an account: by weight, not by the number of signals.

Unknown is not healthy. A score made of a tenth of what usually moves scores says how little is known, and
nothing of the customer; below a floor there is none, and what is missing is named instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.rules_v2 import RULES_V2
from customer_health.scoring.score_scale import Floats
from customer_health.signals.signal import Concept, Signal

# What each signal of the first rules can cost.
RULES_V1_POINTS: Mapping[str, float] = {
    "usage_trend_slope": 20.0,
    "feature_adoption_score": 15.0,
    "open_critical_tickets": 25.0,
    "recent_nps": 15.0,
    "arr_change_12m": 20.0,
}
MOST_NAMED = 3


def rule_weights(rules: str) -> Mapping[str, float]:
    """What each signal of a rule set can cost, in points."""
    if rules == "rules_v2":
        return {ramp.signal: ramp.points for ramp in RULES_V2}
    return RULES_V1_POINTS


def judged(weights: Mapping[str, float], rows: pd.DataFrame, catalogue: Mapping[str, Signal]) -> pd.Series:
    """Return the weights that count: of signals, no dates, that are known of anybody at all.

    A source that the company does not have makes nobody less known than others.
    """
    kept = {
        name: float(weight)
        for name, weight in weights.items()
        if weight > 0 and name in catalogue and catalogue[name].concept is not Concept.CALENDAR
        if name in rows and rows[name].notna().any()
    }
    return pd.Series(kept, dtype=float)


def known_share(weights: pd.Series, rows: pd.DataFrame) -> Floats:
    """Share of the weight that is known of each row, 0 to 1; 1 where nothing has any weight."""
    if weights.empty:
        return np.ones(len(rows))
    known = rows[list(weights.index)].notna().to_numpy(dtype=float)
    return np.asarray(known @ weights.to_numpy() / weights.sum())


def missing(weights: pd.Series, row: Mapping[Any, Any], catalogue: Mapping[str, Signal]) -> str:
    """Name the concepts of which most weight is unknown, the heaviest first."""
    lost: dict[str, float] = {}
    for name, weight in weights.items():
        if np.isnan(float(row[str(name)])):
            concept = str(catalogue[str(name)].concept)
            lost[concept] = lost.get(concept, 0.0) + float(weight)
    worst = sorted(lost, key=lambda concept: (-lost[concept], concept))[:MOST_NAMED]
    return ", ".join(worst)
