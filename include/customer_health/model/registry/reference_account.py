"""The average account of the training day, frozen with the champion: where a score's points are counted from.

A score published on the training day and one published weeks later start from the same account, and only
the account's own signals move its points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.candidate import stable
from customer_health.model.registry.champion import Champion


def reference_of(champion: Champion, rows: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Average the portfolio's health and its split over the signals.

    Args:
        champion: Fitted heads.
        rows: Eligible panel rows of one day.

    Returns:
        By the horizon of the score: `log_odds`, the mean with every known renewal at the reference day,
        `contributions`, the mean per signal, and `weights`, how far each spreads the portfolio.
    """
    if rows.empty:
        return {}
    split = champion.health_contributions(rows)
    spreads = stable(split.std(ddof=0).to_numpy(dtype=float))
    means = stable(split.mean().to_numpy(dtype=float))
    return {
        champion.health_horizon: {
            "log_odds": float(stable(np.array(champion.health_logit(rows).mean()))),
            "contributions": dict(zip(map(str, split.columns), means.tolist(), strict=True)),
            "weights": dict(zip(map(str, split.columns), spreads.tolist(), strict=True)),
        }
    }
