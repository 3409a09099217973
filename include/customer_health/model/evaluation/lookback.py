"""Two views of the same test predictions: the single look-back, and the segments.

The second document asks for one look-back: take the data of six months ago, predict, and compare with
what happened. That is the last walk-forward period whose labels are complete, no more and no less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.metrics import Sample, account_draws, auc, interval

GOAL = 0.75
MIN_LOST = 10
DRAWS = 300


def look_back(evaluation: Evaluation, horizon: int, kind: str, *, capacity_share: float) -> Mapping[str, Any]:
    """Report the last complete test period alone.

    Returns:
        `date`, `rows`, `lost`, `auc` with `low` and `high` (90 %), `goal`, `passed`, `found` (share of the
        losses among the riskiest at capacity), `predicted`; empty without a period.
    """
    table = evaluation.of("predictions", horizon, LOGO)
    if table.empty or kind not in table:
        return {}
    day = table["train_date"].max()
    own = table[table["train_date"] == day]
    y, logit = own["y"].to_numpy(), own[kind].to_numpy()
    draws = account_draws(own["account_id"], DRAWS, 1)
    weights = draws.loc[own["account_id"]].to_numpy().T
    areas = auc(logit, Sample(y, np.zeros(len(y), dtype=int), weights)).values
    low, high = interval(areas)
    top = np.argsort(-logit, kind="stable")[: max(round(capacity_share * len(own)), 1)]
    return {
        "date": day.date().isoformat(),
        "rows": len(own),
        "lost": int(y.sum()),
        "auc": float(areas[0]),
        "low": low,
        "high": high,
        "goal": GOAL,
        "passed": bool(areas[0] > GOAL),
        "found": float(y[top].sum() / y.sum()) if y.sum() else float("nan"),
        "predicted": float(sigmoid(logit).sum()),
    }


def segments(
    evaluation: Evaluation, horizon: int, kind: str, *, capacity_share: float, by: str = "segment"
) -> pd.DataFrame:
    """Measure the champion per segment: the same score may mean different things across them.

    Returns:
        One row per segment: `rows`, `lost`, `auc` (NaN below 10 losses), `flagged` (share among the riskiest
        at capacity of the whole portfolio), `found` (share of its losses among those),
        `predicted_to_observed`.
    """
    table = evaluation.of("predictions", horizon, LOGO)
    if table.empty or by not in table or kind not in table:
        return pd.DataFrame()
    limit = table.groupby("train_date")[kind].transform(lambda logit: logit.quantile(1 - capacity_share))
    rows = table.assign(top=table[kind] > limit, p=sigmoid(table[kind].to_numpy()))
    found = []
    for name, own in rows.groupby(by, dropna=False):
        y = own["y"].to_numpy()
        days = own["train_date"].rank(method="dense").to_numpy(dtype=int)
        sample = Sample(y, days, np.ones((1, len(own))))
        area = float(auc(own[kind].to_numpy(), sample, within_calendar=True).values[0])
        lost = int(y.sum())
        found.append(
            {
                by: str(name) if isinstance(name, str) else "unknown",
                "rows": len(own),
                "lost": lost,
                "auc": area if lost >= MIN_LOST else float("nan"),
                "flagged": float(own["top"].mean()),
                "found": float(own["top"].to_numpy()[y == 1].mean()) if lost else float("nan"),
                "predicted_to_observed": float(own["p"].sum() / lost) if lost else float("nan"),
            }
        )
    return pd.DataFrame(found)
