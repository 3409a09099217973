"""Train: gates, walk-forward, the choice of a champion, and its final fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.errors import ConfigurationError, suggest
from customer_health.model.candidates import calibration
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.candidate_list import Head, downsample
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.candidates.expected_loss import measured_shares
from customer_health.model.champion_assembly import Fitted, assemble_champion, fit_winner
from customer_health.model.data.fact_history import track_records
from customer_health.model.data.features import CATEGORIES, LOGARITHMS, FeatureSet
from customer_health.model.data.folds import walk_forward
from customer_health.model.data.labels import HEADS, logging_delay
from customer_health.model.data.revenue_growth import moved
from customer_health.model.data.training_data import TrainingData
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation import leak_detector, optimism, training_gates
from customer_health.model.evaluation.fold_results import DRAWS, LOGO, Evaluation, measure
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.evaluation.fold_work import HeadWork
from customer_health.model.evaluation.selection import best_of, choose, models_in, stand_in
from customer_health.model.evaluation.tier_spread import rules_crowding
from customer_health.model.evaluation.walk_forward import walk
from customer_health.model.registry.champion import Champion
from customer_health.model.reports.training_report import HeadReport, Training, capital
from customer_health.model.reports.training_summary import looked_at, sources
from customer_health.model.score_choice import (
    Choice,
    choose_score,
    order_of_preference,
    who_scores,
)
from customer_health.model.training_helpers import Begin, helpers
from customer_health.model.training_work import TrainingWork
from customer_health.progress import Progress, silent
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Concept

CALENDAR = str(Concept.CALENDAR)
# What kind of customer it is: that it tells as much of next year as of next month proves nothing.
STATIC = {*CATEGORIES, *LOGARITHMS, "auto_renew_share"}
# Everybody may know the date of the decision, however well it separates.
DATES = tuple(signal.name for signal in CATALOGUE.values() if signal.aggregation.dated)


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
            decides. Of another one for which nothing beats renewal date + NPS beyond doubt, see
            `selection.stand_in`.
        progress: Called after every fit.
        store: Keeps fold results, so that a killed training goes on where it stopped.
        snapshot: The CRM's current-state fields, to show what they would betray.
        stored: Signals as they were stored on their days, for the audit of rewritten pasts.
        incumbent: The champion in use; a candidate of another kind must beat its kind, and who gives the
            score is not replaced by chance.

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
    kept = store or FoldStore()
    with helpers(panel, outcomes, config, as_of=as_of, store=kept) as begin:
        return _train(
            panel, outcomes, config, as_of, horizons, progress, kept, begin, snapshot, stored, incumbent
        )


def _train(
    panel: pd.DataFrame,
    outcomes: pd.DataFrame,
    config: CompanyConfig,
    as_of: date,
    horizons: Sequence[int],
    progress: Progress | None,
    store: FoldStore,
    begin: Begin,
    snapshot: pd.DataFrame | None,
    stored: pd.DataFrame | None,
    incumbent: Champion | None,
) -> Training:
    """Train, with helpers that wait until `begin` tells them which signals were refused."""
    model, wanted = config.model, config.model.primary_horizon
    today = pd.Timestamp(as_of)
    data = TrainingData.of(panel, outcomes, config, as_of=as_of)
    eligible_rows, design = data.rows, data.design
    features = data.features.without(_distrusted(data.features, model))
    # The contract's calendar may say "notice": a deadline that everybody can read is not an outcome.
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

    hindsight = {*refused, *model.distrusted_signals}
    records = track_records(data, config.facts, today, without=hindsight)

    watch = _Ticker(progress or silent)
    begin(sorted(refused))
    training_work = TrainingWork(features, model, today, store)
    works = {horizon: training_work.leaving(head) for horizon, head in heads.items()}
    found = {
        horizon: _compete(work, config, watch, univariate_auc[horizon], incumbent)
        for horizon, work in works.items()
    }
    reports = {horizon: report for horizon, (report, _) in found.items()}
    evaluations = [table for _, table in found.values() if table is not None]

    decision = training_work.decision(data.decision_head())
    table = _walk_decision(training_work, decision, config, watch)
    if table is not None:
        evaluations.append(table)
    choice = _choose(reports, evaluations, data, config, today, incumbent)
    champion = None
    other_reports: dict[tuple[str, int], HeadReport] = {}
    winner, rules = who_scores(choice, reports, config)
    if winner is not None:
        extra: dict[tuple[str, int], Candidate] = {}
        for key, head in others.items():
            other_reports[key], side, made = _side_head(
                training_work, training_work.other(head), config, watch
            )
            if made is not None:
                extra[key] = made
            if side is not None:
                evaluations.append(side)
        fitted, evaluation = {}, Evaluation.joined(evaluations)
        for horizon, work in works.items():
            report = reports[horizon]
            straighten = report.calibration_warning is not None
            served = report.kind or stand_in(evaluation, horizon, lost=report.churners)
            reports[horizon] = replace(report, served=served)
            fitted[horizon] = fit_winner(work, served, evaluations, calibrated=straighten)
            watch(f"{horizon} days: final fit")
        ahead = fit_winner(decision, DecisionModel.kind, evaluations) if table is not None else None
        own = None
        if winner.head == LOGO and winner.kind != reports[winner.horizon].kind:
            own = fit_winner(works[winner.horizon], winner.kind, evaluations)
        shares = measured_shares(
            outcomes[pd.to_datetime(outcomes["known_at"]) < today],
            eligible_rows,
            {name: HEADS[name] for name in model.loss_types},
            model.loss_shares,
        )
        champion = assemble_champion(
            Fitted(fitted, winner, extra, ahead, own), shares, features, eligible_rows, design, config, as_of
        )
        champion = replace(champion, track_records=records)
    return Training(
        as_of=as_of,
        model_id=champion.model_id if champion else f"rules-{as_of:%Y%m%d}",
        decision="model" if champion else "rules",
        why=_why(champion, reports, wanted, choice),
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
        score_choice=choice,
        rules=rules,
        track_records=records,
        crowded="" if champion else rules_crowding(eligible_rows, rules, outcomes, today),
    )


def _walk_decision(
    training_work: TrainingWork, work: HeadWork, config: CompanyConfig, watch: _Ticker
) -> Evaluation | None:
    """Test the decision head, if there are losses to learn from; None if there are not."""
    if not training_work.tested(work):
        return None
    watch.expect(4 * len(work.folds))
    return measure(walk(work, tick=watch), config.model, config.economics, draws=DRAWS // 3)


def _choose(
    reports: Mapping[int, HeadReport],
    evaluations: Sequence[Evaluation],
    training_data: TrainingData,
    config: CompanyConfig,
    today: pd.Timestamp,
    incumbent: Champion | None,
) -> Choice:
    """Compare everything that could give the score, on the decisions whose outcome is known."""
    whole = Evaluation.joined(list(evaluations))
    wanted = config.model.primary_horizon
    kinds = {horizon: report.kind for horizon, report in reports.items()}
    shown = {horizon: best_of(whole, horizon) for horizon in reports}
    preferred = order_of_preference(kinds, shown, wanted, config.score.rules)
    head = training_data.decision_head()
    labels = head.rows[["account_id", "as_of"]].assign(y=head.labels_by(today))
    decisions = labels.rename(columns={"as_of": "train_date"})
    return choose_score(whole, decisions, preferred, config.model.seed, incumbent)


def _distrusted(features: FeatureSet, model: ModelConfig) -> Collection[str]:
    """Return what no model may learn from, once every signal that is judged is known to exist."""
    known = {*CATALOGUE, *features.sources}
    for key in ("trusted_signals", "distrusted_signals"):
        for name in getattr(model, key):
            if name not in known:
                raise ConfigurationError(
                    f"model.{key} names '{name}', which is not a signal.", hint=suggest(name, known)
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
    work: HeadWork,
    config: CompanyConfig,
    watch: _Ticker,
    univariate_auc: pd.Series,
    incumbent: Champion | None,
) -> tuple[HeadReport, Evaluation | None]:
    """Take one horizon through the gates and the walk-forward."""
    head, folds, today = work.head, work.folds, work.as_of
    dates = dates_of(head.rows)
    planned = walk_forward(dates, horizon_days=head.horizon_days, as_of=today)
    labels, churners = work.final, work.lost
    known = ~np.isnan(labels)
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

    watch.expect(len(work.kinds) * len(folds) + 1)
    predictions = walk(work, tick=watch)
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
        gap = optimism.gap(head, labels, work.features, evaluation, config.model)
    report = replace(report, kind=best, why=why, separations=univariate_auc)
    return replace(report, calibration_warning=warning, optimism=gap), evaluation


def _side_head(
    training_work: TrainingWork, work: HeadWork, config: CompanyConfig, watch: _Ticker
) -> tuple[HeadReport, Evaluation | None, Candidate | None]:
    """Train the head of another loss than the logo's; it informs, and decides nothing."""
    head, folds = work.head, work.folds
    rows = int((~np.isnan(work.final)).sum())
    report = HeadReport(head.horizon_days, None, "", len(folds), rows, work.lost, head=head.outcome)
    if not training_work.tested(work):
        why = f"only {work.lost} accounts had this loss; it is not predicted"
        return replace(report, why=why), None, None
    watch.expect(len(work.kinds) * len(folds) + 1)
    evaluation = measure(walk(work, tick=watch), config.model, config.economics, draws=DRAWS // 3)
    kind, why = choose(evaluation, head.horizon_days, head.outcome)
    report = replace(report, kind=kind, why=why)
    made = fit_winner(work, kind, [evaluation], calibrated=report.calibration_warning is not None)
    watch(f"{head.title}: final fit")
    return report, evaluation, made


def _why(champion: Champion | None, reports: Mapping[int, HeadReport], wanted: int, choice: Choice) -> str:
    """Say the whole decision in a sentence or two: who scores, why, and what the company's horizon says."""
    measured = choice.sentence()
    text = f"{capital(reports[wanted].why)}."
    if champion is not None:
        if measured:
            return f"{text} {capital(measured)}."
        return (
            f"{text} Nothing could be compared yet: the score follows what the documents say, corrected by "
            f"{reports[wanted].churners} losses."
        )
    if measured:
        return f"{text} {capital(measured)}."
    return f"The rule score stays in charge: {reports[wanted].why}."
