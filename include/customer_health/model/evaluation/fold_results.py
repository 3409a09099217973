"""What walk-forward found: metrics per fold and over all folds, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import EconomicsConfig, ModelConfig
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate_list import BASELINES, CORE, RANKS, WORDS
from customer_health.model.data.features import RENEWAL
from customer_health.model.evaluation.metrics import (
    PROBABILITY,
    RANKING,
    Sample,
    Tally,
    account_draws,
    calendar_strata,
    interval,
    recall_at,
)
from customer_health.model.evaluation.ranking_value import SlopeTally, arr_recall, profit, slope

DRAWS = 300
COMPARED = ("auc", "cal_auc", "profit")
LOGO = "logo_churn"
Sums = Mapping[tuple[str, str], Tally | SlopeTally]


@dataclass(frozen=True)
class Evaluation:
    """What walk-forward found. Every table has the columns `head` and `horizon`.

    Attributes:
        folds: Per fold and candidate: counts and metrics.
        overall: Per candidate and metric: value over all folds and its 90 % interval.
        comparisons: Per candidate and rival: paired differences of AUC, calendar-adjusted AUC and
            profit with their interval; `bound` is the lower bound that decides.
        predictions: Per test row and candidate: the logit, and the label `y`.
    """

    folds: pd.DataFrame
    overall: pd.DataFrame
    comparisons: pd.DataFrame
    predictions: pd.DataFrame

    @classmethod
    def joined(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Put the heads below each other."""
        tables = (
            pd.concat([getattr(part, name) for part in parts], ignore_index=True) if parts else pd.DataFrame()
            for name in ("folds", "overall", "comparisons", "predictions")
        )
        return cls(*tables)

    def of(self, table: str, horizon: int, head: str = LOGO) -> pd.DataFrame:
        """Return the rows of one table that belong to one head; empty if it was not measured."""
        found: pd.DataFrame = getattr(self, table)
        if found.empty:
            return found
        return found[(found["horizon"] == horizon) & (found["head"] == head)]

    def value(self, horizon: int, candidate: str, metric: str = "auc", head: str = LOGO) -> float:
        """Look up one overall metric; NaN if it was not measured."""
        return self.range(horizon, candidate, metric, head)[0]

    def range(
        self, horizon: int, candidate: str, metric: str, head: str = LOGO
    ) -> tuple[float, float, float]:
        """Look up one overall metric with its 90 % interval; NaN if it was not measured."""
        table = self.of("overall", horizon, head)
        if table.empty:
            return (float("nan"),) * 3
        hit = table[(table["candidate"] == candidate) & (table["metric"] == metric)]
        if hit.empty:
            return (float("nan"),) * 3
        row = hit.iloc[0]
        return float(row["value"]), float(row["low"]), float(row["high"])

    def duels(self, horizon: int, head: str = LOGO) -> dict[tuple[str, str, str], dict[str, float]]:
        """Return the comparisons of one head by (metric, candidate, rival)."""
        records: list[dict[Any, Any]] = self.of("comparisons", horizon, head).to_dict(orient="records")
        return {(row["metric"], row["candidate"], row["against"]): row for row in records}


def measure(
    predictions: pd.DataFrame, config: ModelConfig, economics: EconomicsConfig, *, draws: int = DRAWS
) -> Evaluation:
    """Compute all metrics of one head, per fold and over all folds, with paired intervals."""
    head, horizon = str(predictions["head"].iloc[0]), int(predictions["horizon"].iloc[0])
    table = account_draws(predictions["account_id"], draws, config.seed)
    kinds = [kind for kind in WORDS if kind in predictions]
    sums: dict[tuple[str, str], Tally | SlopeTally] = {}
    fold_rows = []
    for day, test in predictions.groupby("train_date", sort=True):
        sample = Sample(
            test["y"].to_numpy(),
            calendar_strata(test[RENEWAL].to_numpy()),
            table.loc[test["account_id"]].to_numpy().T,
            test["arr"].to_numpy(dtype=float) if "arr" in test else None,
        )
        for kind in kinds:
            found = _tallies(kind, test[kind].to_numpy(), sample, config, economics)
            for metric, tally in found.items():
                known = sums.get((kind, metric))
                sums[kind, metric] = tally if known is None else known + tally  # type: ignore[operator]
            fold_rows.append(
                {
                    "head": head,
                    "horizon": horizon,
                    "train_date": day,
                    "candidate": kind,
                    "rows": len(test),
                    "lost": int(test["y"].sum()),
                    **{metric: float(tally.values[0]) for metric, tally in found.items()},
                }
            )
    overall = pd.DataFrame(
        [
            (head, horizon, kind, metric, float(tally.values[0]), *interval(tally.values))
            for (kind, metric), tally in sums.items()
        ],
        columns=["head", "horizon", "candidate", "metric", "value", "low", "high"],
    )
    comparisons = _compare(kinds, sums).assign(head=head, horizon=horizon)
    return Evaluation(pd.DataFrame(fold_rows), overall, comparisons, predictions)


def _tallies(
    kind: str, logit: np.ndarray, sample: Sample, config: ModelConfig, economics: EconomicsConfig
) -> Mapping[str, Tally | SlopeTally]:
    found: dict[str, Tally | SlopeTally] = {name: metric(logit, sample) for name, metric in RANKING.items()}
    recall = recall_at(logit, sample, config.capacity_share)
    found["recall"] = recall
    found["lift"] = Tally(recall.above / config.capacity_share, recall.below)
    if kind not in RANKS:
        found |= {name: metric(logit, sample) for name, metric in PROBABILITY.items()}
        found["slope"] = slope(logit, sample)
        found["profit"] = profit(logit, sample, economics)
        found["arr_recall"] = arr_recall(logit, sample, config.capacity_share)
    return found


def _compare(kinds: Sequence[str], sums: Sums) -> pd.DataFrame:
    rows = []
    models = [kind for kind in kinds if kind not in (*BASELINES, *RANKS)]
    pairs = [(kind, rival) for kind in models for rival in (*BASELINES, *models) if kind != rival]
    # The best of several candidates is the luckiest, too: its bound pays for having been picked.
    level = 1 - 0.10 / max(len([kind for kind in (*CORE, Blend.kind) if kind in models]), 1)
    for kind, rival in pairs:
        for metric in COMPARED:
            if (kind, metric) not in sums or (rival, metric) not in sums:
                continue
            gain = sums[kind, metric].values - sums[rival, metric].values
            low, high = interval(gain)
            known = gain[1:][np.isfinite(gain[1:])]
            rows.append(
                {
                    "candidate": kind,
                    "against": rival,
                    "metric": metric,
                    "gain": float(gain[0]),
                    "low": low,
                    "high": high,
                    "bound": interval(gain, level)[0],
                    "error": float(known.std()) if len(known) else float("nan"),
                }
            )
    return pd.DataFrame(rows)
