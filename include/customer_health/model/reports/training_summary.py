"""A training in plain numbers, as the page draws it: per test period, per tenth, and what it looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.data.features import FeatureSet
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.lookback import segments
from customer_health.model.evaluation.metrics import BINS, mass_bins
from customer_health.signals.catalogue import CATALOGUE

SHARES = (0.05, 0.10, 0.20, 0.30)
RIVALS = {"baseline": NaiveBaseline.kind, "rules": RuleScore.kind}
Rows = list[dict[str, Any]]


def plain(value: float) -> float | None:
    """Round for storage; what is not known is None."""
    return round(float(value), 6) if np.isfinite(value) else None


def by_fold(evaluation: Evaluation, horizon: int, kind: str, head: str = LOGO) -> Rows:
    """AUC of the candidate and of both baselines per test day, with the rows and losses behind it."""
    folds = evaluation.of("folds", horizon, head)
    if folds.empty:
        return []
    table = folds.pivot_table(index="train_date", columns="candidate", values="auc", dropna=False)
    found = []
    for own in folds[folds["candidate"] == kind].sort_values("train_date").to_dict(orient="records"):
        day = own["train_date"]
        rivals = {
            f"auc_{name}": plain(float(table.loc[day, rival])) if rival in table else None
            for name, rival in RIVALS.items()
        }
        told = {"rows": int(own["rows"]), "lost": int(own["lost"])}
        found.append({"as_of": day.date().isoformat(), **told, "auc": plain(own["auc"]), **rivals})
    return found


def calibration_bins(evaluation: Evaluation, horizon: int, kind: str, head: str = LOGO) -> Rows:
    """Predicted and observed losses per tenth of the test rows, safest first, with counts."""
    table = evaluation.of("predictions", horizon, head)
    if table.empty or kind not in table:
        return []
    p, y = sigmoid(table[kind].to_numpy()), table["y"].to_numpy()
    bins = mass_bins(p)
    return [
        {
            "rows": int((bins == number).sum()),
            "lost": int(y[bins == number].sum()),
            "predicted": plain(p[bins == number].mean()),
            "observed": plain(y[bins == number].mean()),
        }
        for number in range(BINS)
        if (bins == number).any()
    ]


def capture(evaluation: Evaluation, horizon: int, kind: str, head: str = LOGO) -> Rows:
    """Share of the losses among the riskiest accounts of each test day, by the size of that share."""
    table = evaluation.of("predictions", horizon, head)
    if table.empty or kind not in table or not table["y"].sum():
        return []
    columns = {"found": kind, **{f"found_{name}": rival for name, rival in RIVALS.items() if rival in table}}
    places = {
        name: table.groupby("train_date")[column].rank(pct=True, ascending=False, method="average")
        for name, column in columns.items()
    }
    lost = table["y"] == 1
    return [
        {
            "share": share,
            **{name: plain(float((place[lost] <= share).mean())) for name, place in places.items()},
        }
        for share in SHARES
    ]


def by_segment(evaluation: Evaluation, horizon: int, kind: str, capacity_share: float = 0.10) -> Rows:
    """See `lookback.segments`."""
    table = segments(evaluation, horizon, kind, capacity_share=capacity_share)
    rows: list[dict[Any, Any]] = table.to_dict(orient="records")
    return [
        {name: plain(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]


def looked_at(features: FeatureSet, rows: pd.DataFrame) -> Rows:
    """Each source of the features with its concept, and for how many accounts it is unknown today."""
    latest = rows[rows["as_of"] == rows["as_of"].max()]
    concepts = {feature.source: feature.concept for feature in features.features}
    return [
        {"name": name, "concept": concept, "unknown": plain(float(latest[name].isna().mean()))}
        for name, concept in concepts.items()
    ]


def sources(rows: pd.DataFrame) -> Rows:
    """Per table: since when its signals say anything, how many there are, and which say nothing today.

    Args:
        rows: Eligible rows of all as-of dates.

    Returns:
        `table`; `since`, the first as-of date on which any of its signals is known, as text, or None;
        `signals`; `unknown`, the names of those that are unknown for every account today.
    """
    latest = rows[rows["as_of"] == rows["as_of"].max()]
    by_table: dict[str, list[str]] = {}
    for name, signal in CATALOGUE.items():
        if name in rows:
            by_table.setdefault(signal.table, []).append(name)
    found = []
    for table, names in by_table.items():
        told = rows.loc[rows[names].notna().any(axis=1), "as_of"]
        dated = {name for name in names if CATALOGUE[name].aggregation.dated}  # evergreen: there is no date
        unknown = [name for name in names if latest[name].isna().all() and name not in dated]
        since = told.min().date().isoformat() if len(told) else None
        found.append({"table": table, "since": since, "signals": len(names), "unknown": unknown})
    return found
