"""The average account of the training day, frozen with the champion: where a score's points are counted from.

Scoring judges signals as if every renewal were equally far, and books what the true date adds on the
calendar. The average is taken the same way here, so that a score published on the training day and one
published weeks later start from the same account, and only the account's own signals move its points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.candidate import stable
from customer_health.model.candidates.constrained_logistic import LIMIT
from customer_health.model.data.features import RENEWAL
from customer_health.model.registry.champion import Champion

# The same days as scoring's, which this layer may not import; a test holds them together.
REFERENCE_DAYS: Mapping[int, int] = {90: 63, 180: 119}


def reference_of(champion: Champion, rows: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Average the portfolio's log-odds and their split over the signals.

    Args:
        champion: Fitted heads.
        rows: Eligible panel rows of one day.

    Returns:
        Per horizon that scores can be made from: `log_odds`, the mean with the true renewal dates, and
        `contributions`, the mean per signal with every known renewal at the horizon's reference day;
        the renewal itself also carries what the true dates add.
    """
    found = {}
    for horizon in sorted(champion.heads):
        if horizon not in REFERENCE_DAYS:
            continue
        days = pd.to_numeric(rows[RENEWAL]).astype(float)
        standard = rows.assign(**{RENEWAL: days.where(days.isna(), float(REFERENCE_DAYS[horizon]))})
        today, health = _risk(champion, rows, horizon), _risk(champion, standard, horizon)
        split = champion.contributions(standard, horizon)
        split = split.assign(**{RENEWAL: split.get(RENEWAL, 0.0) + (today - health)})
        means = stable(split.mean().to_numpy(dtype=float))
        found[horizon] = {
            "log_odds": float(stable(np.array(today.mean()))),
            "contributions": dict(zip(map(str, split.columns), means.tolist(), strict=True)),
        }
    return found


def _risk(champion: Champion, rows: pd.DataFrame, horizon: int) -> np.ndarray:
    """Log-odds of `Champion.predict`: a shorter horizon never has the higher risk."""
    logits = [champion.predict_logit(rows, longer) for longer in champion.heads if longer >= horizon]
    return np.asarray(np.clip(np.min(logits, axis=0), -LIMIT, LIMIT), dtype=float)
