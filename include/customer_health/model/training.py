"""Train: gates, walk-forward, the choice of a champion, and its final fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from customer_health.errors import ConfigurationError
from customer_health.model import gates
from customer_health.model.baselines import NaiveBaseline
from customer_health.model.blend import Blend
from customer_health.model.candidate import Candidate
from customer_health.model.champion import Champion, anchors_of
from customer_health.model.features import RENEWAL, FeatureSet
from customer_health.model.folds import walk_forward
from customer_health.model.labels import eligible, outcome_labels
from customer_health.model.panel import dates_of, prepare
from customer_health.model.report import HeadReport, Training, capital
from customer_health.model.selection import (
    SINGLES,
    Evaluation,
    Head,
    choose,
    countable,
    measure,
    singles,
    thin,
    walk,
)
from customer_health.progress import Progress, silent
from customer_health.settings import CompanyConfig


def train(
    panel: pd.DataFrame,
    outcomes: pd.DataFrame,
    config: CompanyConfig,
    *,
    as_of: date,
    horizons: Sequence[int] = (90, 180),
    progress: Progress | None = None,
) -> Training:
    """Decide between a model and the rule score, on evidence from walk-forward.

    Args:
        panel: Signals panel at the monthly as-of dates of `panel.as_of_dates`; every account that was
            known at each of them.
        outcomes: Canonical outcomes; entries logged on `as_of` or later are not looked at.
        config: Company file.
        as_of: Training date: everything before it may be used.
        horizons: In days; one of them is `config.model.primary_horizon`, which gives the score and so
            decides. Another one for which nothing beats renewal date + NPS is served by just that.
        progress: Called after every fit.

    Raises:
        ConfigurationError: The primary horizon is not among the horizons.
        DataContractError: The panel breaks its contract.
        LeakageError: A signal knows the outcome.
    """
    wanted = config.model.primary_horizon
    if wanted not in horizons:
        raise ConfigurationError(
            f"model.primary_horizon is {wanted} days, but the model's horizons are {list(horizons)}.",
            hint="Add it to model.horizons, or choose one of them.",
        )
    today = pd.Timestamp(as_of)
    rows = prepare(panel)
    rows = rows[rows["as_of"] <= today].reset_index(drop=True)
    mask = eligible(rows, config.model).to_numpy()
    eligible_rows = rows[mask].reset_index(drop=True)
    features = FeatureSet.of(eligible_rows, config.signals.profile)
    gates.forbid_outcome_names(features.sources)
    design = features.design(eligible_rows)

    heads = {
        horizon: Head(eligible_rows, design, horizon, _labeller(rows, mask, outcomes, horizon))
        for horizon in horizons
    }
    watch = _Ticker(progress or silent)
    found = {horizon: _compete(head, features, config, today, watch) for horizon, head in heads.items()}
    reports = {horizon: report for horizon, (report, _) in found.items()}

    champion = None
    if reports[wanted].kind is not None:
        fitted = {}
        for horizon, head in heads.items():
            fitted[horizon] = _final_fit(reports[horizon].kind, head, features, config, today)
            watch(f"{horizon} days: final fit")
        champion = _crown(fitted, features, eligible_rows, design, config, as_of)
    return Training(
        as_of=as_of,
        model_id=champion.model_id if champion else f"rules-{as_of:%Y%m%d}",
        decision="model" if champion else "rules",
        why=_why(champion, reports, wanted),
        champion=champion,
        heads=reports,
        evaluation=Evaluation.joined([table for _, table in found.values() if table is not None]),
        primary_horizon=wanted,
    )


class _Ticker:
    """Counts fits for the progress callback; the total grows as horizons pass their gates."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def expect(self, more: int) -> None:
        self.total += more

    def __call__(self, message: str) -> None:
        self.done += 1
        self.progress(self.done, self.total, message)


def _labeller(
    rows: pd.DataFrame, mask: np.ndarray, outcomes: pd.DataFrame, horizon: int
) -> Callable[[pd.Timestamp], np.ndarray]:
    @cache
    def labels_by(day: pd.Timestamp) -> np.ndarray:
        labels = outcome_labels(outcomes, rows, horizon_days=horizon, logged_before=day)
        values: np.ndarray = labels.to_numpy()
        return np.asarray(values[mask], dtype=float)

    return labels_by


def _compete(
    head: Head, features: FeatureSet, config: CompanyConfig, today: pd.Timestamp, watch: _Ticker
) -> tuple[HeadReport, Evaluation | None]:
    """Take one horizon through the gates and the walk-forward."""
    dates = dates_of(head.rows)
    planned = walk_forward(dates, horizon_days=head.horizon_days, as_of=today)
    folds = countable(head, planned, as_of=today)
    labels = head.labels_by(today)
    known = ~np.isnan(labels)
    churners = int(head.rows["account_id"][labels == 1].nunique())
    months = (dates[-1] - dates[0]).days / 30.44 if dates else 0.0
    too_little = gates.insufficiency(
        planned=len(planned),
        folds=len(folds),
        churners=churners,
        horizon_days=head.horizon_days,
        months=months,
        config=config.model,
    )
    report = HeadReport(
        head.horizon_days, None, too_little or "", folds=len(folds), rows=int(known.sum()), churners=churners
    )
    if too_little:
        return report, None

    separations = gates.column_aucs(head.design[known], features.names, labels[known])
    gates.forbid_perfect_columns(separations.drop(RENEWAL, errors="ignore"), head.horizon_days)
    watch.expect(4 * len(folds) + 1)
    predictions = walk(head, folds, features.features, config.model, as_of=today, tick=watch)
    evaluation = measure(predictions, config.model)
    for model in (*SINGLES, Blend.kind):
        area, within = (evaluation.value(head.horizon_days, model, metric) for metric in ("auc", "cal_auc"))
        gates.forbid_perfect_model(model, area, within, separations, head.horizon_days)
    kind, why = choose(evaluation, head.horizon_days)
    return replace(report, kind=kind, why=why, separations=separations), evaluation


def _final_fit(
    kind: str | None, head: Head, features: FeatureSet, config: CompanyConfig, today: pd.Timestamp
) -> Candidate:
    """Fit the winner, or else the naive baseline, once more on every row whose label is known today."""
    labels = head.labels_by(today)
    known = np.flatnonzero(~np.isnan(labels))
    picked, weight = thin(labels[known], config.model.seed)
    parts = singles(features.features, config.model)
    contestants: list[Candidate] = [*parts, Blend(parts), NaiveBaseline()]
    candidate = next(one for one in contestants if one.kind == (kind or NaiveBaseline.kind))
    return candidate.fit(head.design.iloc[known[picked]], labels[known][picked], weight)


def _crown(
    fitted: Mapping[int, Candidate],
    features: FeatureSet,
    rows: pd.DataFrame,
    design: pd.DataFrame,
    config: CompanyConfig,
    as_of: date,
) -> Champion:
    """Pin the score's scale on the latest portfolio, and name the champion by its content."""
    latest = (rows["as_of"] == rows["as_of"].max()).to_numpy()
    red, green = config.score.red_share, config.score.green_share
    anchors = {
        horizon: anchors_of(head.predict_logit(design[latest]), red_share=red, green_share=green)
        for horizon, head in fitted.items()
    }
    files = [head.to_files() for head in fitted.values()]
    content = json.dumps([files, list(anchors.items()), features.to_json()])
    return Champion(
        model_id=f"model-{as_of:%Y%m%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}",
        trained_as_of=as_of,
        features=features,
        heads=fitted,
        anchors=anchors,
        primary_horizon=config.model.primary_horizon,
    )


def _why(champion: Champion | None, reports: Mapping[int, HeadReport], wanted: int) -> str:
    """Say the whole decision in a sentence or two; the horizon that gives the score speaks."""
    if champion is not None:
        return f"{capital(reports[wanted].why)}."
    text = f"The rule score stays in charge: {reports[wanted].why}."
    able = [horizon for horizon, report in reports.items() if report.kind is not None]
    if able:
        text += (
            f" A model for {able[0]} days would qualify: set model.primary_horizon to {able[0]} to use it."
        )
    return text
