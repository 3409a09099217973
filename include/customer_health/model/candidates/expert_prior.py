"""What both documents say, as the belief from which a line starts before it has seen a loss.

The second rule score is one column of the line, and its weight is believed to be positive: with no losses the
line is the rules, with a few it corrects them, with hundreds it hardly remembers them. One path instead of
rules below some number of losses and a model above it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_health.model.candidates.rules_v2 import SIGNALS, points_of
from customer_health.model.data.features import RENEWAL, Feature

# On three simulated companies 25 points of the rules were worth 0.4 to 0.9 in log-odds.
POINTS = 25.0
BELIEVED, DEVIATION = 0.65, 0.30


def expert_signals(features: Sequence[Feature]) -> list[str]:
    """Which signals of the rules a line may read: those that it reads anyway, so no distrusted one."""
    return [feature.name for feature in features if feature.name in SIGNALS]


def expert_points(design: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """What each signal costs by the rules, in units of `POINTS`; what is unknown costs nothing.

    Args:
        design: Features.
        names: From `expert_signals`.
    """
    found = points_of(design[list(names)]) / POINTS
    kept = [name for name in found if name in names and name != RENEWAL]
    return found[kept]


def penalty(repeats: float) -> float:
    """Ridge penalty that stands for the belief's doubt, where each loss is told `repeats` times."""
    return float(np.sqrt(repeats) / DEVIATION**2)
