"""The decision head, tested like the others: retrained in the past, judged on decisions it could not know.

Each row has a window of its own (`decision_window`), so the embargo is per row: a row is learned from, or
tested on, once its own window has closed. In the youngest test periods these are the near decisions only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates.candidate_list import Head
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.data.features import RENEWAL
from customer_health.model.data.fixed_distance import distance_bands
from customer_health.model.data.folds import Fold, walk_forward
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation.metrics import Sample, auc, mass_bins
from customer_health.model.evaluation.walk_forward import countable

FOLDS = {"quick": 3, "thorough": 6}
Rows = list[dict[str, Any]]


def decision_folds(head: Head, config: ModelConfig, *, as_of: pd.Timestamp) -> list[Fold]:
    """Choose test periods, spread over all that the history allows: only old ones hold far decisions."""
    dates = dates_of(head.rows)
    every = walk_forward(dates, horizon_days=head.horizon_days, as_of=as_of, max_folds=len(dates) or 1)
    kept = countable(head, every, as_of=as_of)
    wanted = min(FOLDS[config.effort], len(kept))
    places = np.unique(np.linspace(0, max(len(kept) - 1, 0), wanted).round().astype(int))
    return [kept[place] for place in places]


def by_distance(table: pd.DataFrame, kind: str = DecisionModel.kind) -> Rows:
    """AUC and calibration at the decision, overall and by how far it is away.

    Args:
        table: Test rows with `y`, `train_date`, days to renewal and a logit named `kind`.
    """
    if table.empty:
        return []
    bands = distance_bands(table[RENEWAL].to_numpy(dtype=float))
    found = [_measured("all", table, kind)]
    found += [_measured(str(band), table[bands == band], kind) for band in sorted(set(bands), key=_by_number)]
    return found


def _by_number(band: str) -> tuple[int, str]:
    order = {"up to 90 days": 0, "91 to 180": 1, "181 to 270": 2, "over 270": 3}
    return order.get(band, 9), band


def _measured(name: str, rows: pd.DataFrame, kind: str) -> dict[str, Any]:
    y, logit = rows["y"].to_numpy(dtype=float), rows[kind].to_numpy(dtype=float)
    days = np.unique(rows["train_date"], return_inverse=True)[1].ravel()
    area = float(auc(logit, Sample(y, days, np.ones((1, len(y)))), within_calendar=True).values[0])
    p = sigmoid(logit)
    return {
        "distance": name,
        "rows": len(rows),
        "lost": int(y.sum()),
        "auc": round(area, 4) if np.isfinite(area) else None,
        "predicted": round(float(p.mean()), 5),
        "observed": round(float(y.mean()), 5),
        "ece": round(calibration_gap(p, y), 5),
    }


def calibration_gap(p: np.ndarray, target: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal size.

    Args:
        p: Predicted probability.
        target: What happened, or the true probability.
    """
    bins = mass_bins(p)
    gaps = [abs((p - target)[bins == number].sum()) for number in range(10)]
    return float(np.sum(gaps) / max(len(p), 1))
