"""Train: gates, walk-forward, the choice of a champion, and its final fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.errors import ConfigurationError, suggest
from customer_health.model.candidates import calibration
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.candidate_list import (
    Head,
    as_candidate,
    build,
    downsample,
    fit,
    single_models,
)
from customer_health.model.candidates.expected_loss import ExpectedLoss, measured_shares
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.features import CATEGORIES, LOGARITHMS, FeatureSet
from customer_health.model.data.folds import walk_forward
from customer_health.model.data.labels import HEADS, logging_delay
from customer_health.model.data.revenue_growth import moved
from customer_health.model.data.training_data import TrainingData
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation import leak_detector, optimism, training_gates
from customer_health.model.evaluation.fold_results import DRAWS, LOGO, Evaluation, measure
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.evaluation.selection import choose, models_in
from customer_health.model.evaluation.walk_forward import blend_parts, countable, training_set_of, tuned, walk
from customer_health.model.registry.champion import Champion, anchors_of
from customer_health.model.registry.reference_account import reference_of
from customer_health.model.reports.training_report import HeadReport, Training, capital
from customer_health.model.reports.training_summary import looked_at, sources
from customer_health.progress import Progress, silent
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Concept

CALENDAR = str(Concept.CALENDAR)
# What kind of customer it is: that it tells as much of next year as of next month proves nothing.
STATIC = {*CATEGORIES, *LOGARITHMS, "auto_renew_share"}
# Everybody may know the date of the decision, however well it separates.
DATES = tuple(signal.name for signal in CATALOGUE.values() if signal.aggregation.dated)
OTHER_FOLDS = {"quick": 3, "thorough": 6}  # for losses other than the logo's


def train(
    panel: pd.DataFrame,
    outcomes: pd.DataFrame,
    config: CompanyConfig,
    *,
    as_of: date,
    horizons: Sequence[int] = (90, 180),
    progress: Progress | None = None,
    store: FoldStore | None = None,
    snapshot: pd.DataFrame | None = None,
    stored: pd.DataFrame | None = None,
    incumbent: Champion | None = None,
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
        store: Keeps fold results, so that a killed training goes on where it stopped.
        snapshot: The CRM's current-state fields, to show what they would betray.
        stored: Signals as they were stored on their days, for the audit of rewritten pasts.
        incumbent: The champion in office; a candidate of another kind must beat its kind.

    Raises:
        ConfigurationError: The primary horizon is not among the horizons.
        DataContractError: The panel breaks its contract.
        LeakageError: A signal knows the outcome.
    """
    model, wanted = config.model, config.model.primary_horizon
    if wanted not in horizons:
        raise ConfigurationError(
            f"model.primary_horizon is {wanted} days, but the model's horizons are {list(horizons)}.",
            hint="Add it to model.horizons, or choose one of them.",
        )
    today = pd.Timestamp(as_of)
    data = TrainingData.of(panel, outcomes, config, as_of=as_of)
    eligible_rows, design = data.rows, data.design
    features = data.features.without(_distrusted(data.features, model))
    # The contract's calendar may say "notice": a deadline that everybody can read is no outcome.
    training_gates.forbid_outcome_names([f.source for f in features.features if f.concept != CALENDAR])
    heads = {horizon: data.head(horizon) for horizon in horizons}
    others: dict[tuple[str, int], Head] = {
        (name, h): data.head(h, name) for name in model.loss_types if name != LOGO for h in horizons
    }
    univariate_auc = {
        horizon: _univariate_auc(head, features, today, model.trusted_signals)
        for horizon, head in heads.items()
    }
    findings = _findings(heads[wanted], features, snapshot, stored, today)
    refused = {f.column for f in findings if f.column not in model.trusted_signals}
    features = features.without(refused)

    watch = _Ticker(progress or silent)
    kept = store or FoldStore()
    found = {
        horizon: _compete(head, features, config, today, watch, kept, univariate_auc[horizon], incumbent)
        for horizon, head in heads.items()
    }
    reports = {horizon: report for horizon, (report, _) in found.items()}
    evaluations = [table for _, table in found.values() if table is not None]

    champion = None
    other_reports: dict[tuple[str, int], HeadReport] = {}
    if reports[wanted].kind is not None:
        fitted = {}
        for horizon, head in heads.items():
            fitted[horizon] = _final_fit(reports[horizon], head, features, config, today, evaluations, kept)
            watch(f"{horizon} days: final fit")
        extra: dict[tuple[str, int], Candidate] = {}
        for key, head in others.items():
            other_reports[key], table, made = _side_head(head, features, config, today, watch, kept)
            if made is not None:
                extra[key] = made
            if table is not None:
                evaluations.append(table)
        shares = measured_shares(
            outcomes[pd.to_datetime(outcomes["known_at"]) < today],
            eligible_rows,
            {name: HEADS[name] for name in model.loss_types},
            model.loss_shares,
        )
        champion = _assemble_champion(fitted, extra, shares, features, eligible_rows, design, config, as_of)
    return Training(
        as_of=as_of,
        model_id=champion.model_id if champion else f"rules-{as_of:%Y%m%d}",
        decision="model" if champion else "rules",
        why=_why(champion, reports, wanted),
        champion=champion,
        heads=reports,
        evaluation=Evaluation.joined(evaluations),
        primary_horizon=wanted,
        others=other_reports,
        findings=tuple(findings),
        refused=tuple(sorted(refused & set(design.columns))),
        looked_at=looked_at(features, eligible_rows) if len(eligible_rows) else (),
        window=_window(eligible_rows),
        sources=sources(eligible_rows) if len(eligible_rows) else (),
        logged_late=logging_delay(outcomes, HEADS[LOGO], today) / pd.Timedelta(days=1),
    )


def _distrusted(features: FeatureSet, model: ModelConfig) -> Collection[str]:
    unknown = [name for name in model.distrusted_signals if name not in {*CATALOGUE, *features.sources}]
    if unknown:
        raise ConfigurationError(
            f"model.distrusted_signals names '{unknown[0]}', which is no signal.",
            hint=suggest(unknown[0], {*CATALOGUE, *features.sources}),
        )
    return model.distrusted_signals


def _window(rows: pd.DataFrame) -> tuple[str, str] | tuple[()]:
    days = dates_of(rows)
    return (days[0].date().isoformat(), days[-1].date().isoformat()) if days else ()


class _Ticker:
    """Counts fits for the progress callback; the total grows as heads pass their gates."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def expect(self, more: int) -> None:
        self.total += more

    def __call__(self, message: str) -> None:
        self.done += 1
        self.progress(self.done, self.total, message)


def _univariate_auc(
    head: Head, features: FeatureSet, today: pd.Timestamp, trusted: Collection[str]
) -> pd.Series:
    """How well each feature alone separates; stops the training if one does it almost perfectly."""
    labels = head.labels_by(today)
    known = np.flatnonzero(~np.isnan(labels))
    picked = known[downsample(labels[known], 1)[0]] if len(known) else known
    found = training_gates.column_aucs(head.design.iloc[picked], features.names, labels[picked])
    checked = [*DATES, *trusted]
    training_gates.forbid_perfect_columns(found.drop(checked, errors="ignore"), head.horizon_days)
    return found


def _findings(
    head: Head,
    features: FeatureSet,
    snapshot: pd.DataFrame | None,
    stored: pd.DataFrame | None,
    today: pd.Timestamp,
) -> list[leak_detector.Finding]:
    """Run the three tests of the leak detector on the columns of the panel and of the CRM's snapshot."""
    assert head.times_by is not None
    times = head.times_by(today)
    accounts = head.rows["account_id"].to_numpy()
    fates = leak_detector.Outcomes(times["loss_after"].to_numpy(), times["known_for"].to_numpy(), accounts)
    static = [f.name for f in features.features if f.source in STATIC]
    names = [f.name for f in features.features if f.source not in DATES]
    found = leak_detector.judge(leak_detector.separations(head.design, names, fates), static=static)
    if stored is not None and len(stored):
        lost = pd.Series(fates.near(), index=head.rows.index)
        found += leak_detector.audit(stored, head.rows, lost, features.sources)
    if snapshot is not None:
        found += leak_detector.without_past(snapshot, head.rows, fates)
    return found


def _compete(
    head: Head,
    features: FeatureSet,
    config: CompanyConfig,
    today: pd.Timestamp,
    watch: _Ticker,
    store: FoldStore,
    univariate_auc: pd.Series,
    incumbent: Champion | None,
) -> tuple[HeadReport, Evaluation | None]:
    """Take one horizon through the gates and the walk-forward."""
    dates = dates_of(head.rows)
    planned = walk_forward(dates, horizon_days=head.horizon_days, as_of=today)
    folds = countable(head, planned, as_of=today)
    labels = head.labels_by(today)
    known = ~np.isnan(labels)
    churners = int(head.rows["account_id"][labels == 1].nunique())
    months = (dates[-1] - dates[0]).days / 30.44 if dates else 0.0
    too_little = training_gates.insufficiency(
        planned=len(planned),
        folds=len(folds),
        churners=churners,
        horizon_days=head.horizon_days,
        months=months,
        config=config.model,
    )
    report = HeadReport(
        head.horizon_days,
        None,
        too_little or "",
        folds=len(folds),
        rows=int(known.sum()),
        churners=churners,
        moved=moved(head.growth, today) if head.growth is not None else 0,
    )
    if too_little:
        return report, None

    watch.expect((3 + len(single_models(head, config.model))) * len(folds) + 1)
    predictions = walk(head, folds, features.features, config.model, as_of=today, tick=watch, store=store)
    draws = DRAWS if config.model.effort == "thorough" else 2 * DRAWS // 3
    evaluation = measure(predictions, config.model, config.economics, draws=draws)
    for kind in models_in(evaluation, head.horizon_days):
        area, within = (evaluation.value(head.horizon_days, kind, metric) for metric in ("auc", "cal_auc"))
        trusted = config.model.trusted_signals
        training_gates.forbid_perfect_model(kind, area, within, univariate_auc, head.horizon_days, trusted)
    office = incumbent.kind_of(head.horizon_days) if incumbent else None
    best, why = choose(evaluation, head.horizon_days, incumbent=office)
    warning = calibration.calibration_warning(evaluation, head.horizon_days, best) if best else None
    gap = None
    if config.model.effort == "thorough":
        gap = optimism.gap(head, labels, features.features, evaluation, config.model)
    report = replace(report, kind=best, why=why, separations=univariate_auc)
    return replace(report, calibration_warning=warning, optimism=gap), evaluation


def _side_head(
    head: Head,
    features: FeatureSet,
    config: CompanyConfig,
    today: pd.Timestamp,
    watch: _Ticker,
    store: FoldStore,
) -> tuple[HeadReport, Evaluation | None, Candidate | None]:
    """Train the head of another loss than the logo's; it informs, and decides nothing."""
    limit = OTHER_FOLDS[config.model.effort]
    planned = walk_forward(dates_of(head.rows), horizon_days=head.horizon_days, as_of=today, max_folds=limit)
    folds = countable(head, planned, as_of=today)
    labels = head.labels_by(today)
    lost = head.rows["account_id"][labels == 1].nunique()
    rows = int((~np.isnan(labels)).sum())
    report = HeadReport(head.horizon_days, None, "", len(folds), rows, int(lost), head=head.outcome)
    if lost < config.model.min_unique_churners or not folds:
        return replace(report, why=f"only {lost} accounts had this loss; it is not foretold"), None, None
    watch.expect((3 + len(single_models(head, config.model))) * len(folds) + 1)
    predictions = walk(head, folds, features.features, config.model, as_of=today, tick=watch, store=store)
    evaluation = measure(predictions, config.model, config.economics, draws=DRAWS // 3)
    kind, why = choose(evaluation, head.horizon_days, head.outcome)
    report = replace(report, kind=kind, why=why)
    made = _final_fit(report, head, features, config, today, [evaluation], store)
    watch(f"{head.title}: final fit")
    return report, evaluation, made


def _final_fit(
    report: HeadReport,
    head: Head,
    features: FeatureSet,
    config: CompanyConfig,
    today: pd.Timestamp,
    evaluations: Sequence[Evaluation],
    store: FoldStore,
) -> Candidate:
    """Fit the winner, or else the naive baseline, once more on every row whose label is known today."""
    dates = dates_of(head.rows)
    training_set = training_set_of(head, dates, today, config.model)
    kind = report.kind or NaiveBaseline.kind
    settings = tuned(head, _matured(dates, head, today), today, features.features, config.model, store)

    def fitted(name: str) -> Candidate:
        scorer = build(
            name, features.features, config.model, horizon_days=head.horizon_days, settings=settings.get(name)
        )
        return as_candidate(fit(scorer, training_set, config.model.seed))

    whole = Evaluation.joined(list(evaluations)).of("predictions", head.horizon_days, head.outcome)
    if kind == Blend.kind:
        made: Candidate = Blend(
            [fitted(name) for name in blend_parts(whole, single_models(head, config.model))]
        )
    else:
        made = fitted(kind)
    line = calibration.line(whole, kind) if report.calibration_warning else None
    return calibration.Calibrated(made, shift=line[0], slope=line[1]) if line else made


def _matured(dates: Sequence[pd.Timestamp], head: Head, today: pd.Timestamp) -> list[pd.Timestamp]:
    return [day for day in dates if day + pd.Timedelta(days=head.horizon_days) <= today]


def _assemble_champion(
    fitted: Mapping[int, Candidate],
    extra: Mapping[tuple[str, int], Candidate],
    shares: Mapping[str, float],
    features: FeatureSet,
    rows: pd.DataFrame,
    design: pd.DataFrame,
    config: CompanyConfig,
    as_of: date,
) -> Champion:
    """Pin the score's scale on the latest portfolio, and name the champion by its content."""
    heads, others = dict(fitted), dict(extra)
    if config.model.score_of == "expected_arr_loss":
        for horizon, logo in fitted.items():
            parts = {LOGO: logo, **{name: head for (name, h), head in extra.items() if h == horizon}}
            heads[horizon] = ExpectedLoss(parts, shares)
            others[LOGO, horizon] = logo
    latest = (rows["as_of"] == rows["as_of"].max()).to_numpy()
    red, green = config.score.red_share, config.score.green_share
    anchors = {
        horizon: anchors_of(head.predict_logit(design[latest]), red_share=red, green_share=green)
        for horizon, head in heads.items()
    }
    unnamed = Champion(
        model_id="",
        trained_as_of=as_of,
        features=features,
        heads=heads,
        anchors=anchors,
        primary_horizon=config.model.primary_horizon,
        others=others,
        loss_shares=shares,
    )
    reference = reference_of(unnamed, rows[latest])
    files = [head.to_files() for head in (*heads.values(), *others.values())]
    content = json.dumps(
        [files, list(anchors.items()), features.to_json(), dict(shares), list(reference.items())]
    )
    model_id = f"model-{as_of:%Y%m%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    return replace(unnamed, model_id=model_id, reference=reference)


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
