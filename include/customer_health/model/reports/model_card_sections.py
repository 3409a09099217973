"""Sections of the model card beyond the walk-forward tables."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.data.decision_window import DECISION, SHORTEST
from customer_health.model.data.labels import eligible
from customer_health.model.data.track_record import ENOUGH
from customer_health.model.decision_walk import by_distance
from customer_health.model.evaluation.lookback import look_back, segments
from customer_health.model.registry.champion import Champion
from customer_health.model.registry.promotion import Verdict
from customer_health.model.reports.training_report import Training
from customer_health.signals.headline_facts import FACTS
from customer_health.wording import percent

SHOWN_SIGNALS = 3
MOSTLY = 0.5  # share of accounts
OUTCOMES = {"downgrade": "downgrade", "contraction": "contraction", "logo_churn": "logo churn"}


def looking_back(training: Training) -> Iterable[str]:
    """The single look-back of the last complete test period."""
    lines = list(_looks_back(training))
    if lines:
        yield "## One look back"
        yield ""
        yield "One day in the past, a model trained only on what was known then, and what came of it:"
        yield from lines


def _looks_back(training: Training) -> Iterable[str]:
    for report in training.heads.values():
        kind = report.kind or training.best(report.horizon)
        found = look_back(training.evaluation, report.horizon, kind, capacity_share=0.10)
        if not found:
            continue
        verdict = "above" if found["passed"] else "not above"
        yield ""
        yield (
            f"- {report.horizon} days from {found['date']}: AUC {found['auc']:.2f} ({found['low']:.2f} to "
            f"{found['high']:.2f}), {verdict} the {found['goal']} that is often asked for. "
            f"Of {found['rows']:,} accounts {found['lost']} were lost ({found['predicted']:.0f} predicted); "
            f"the riskiest tenth held {percent(found['found'])} of them."
        )


def at_the_decision(training: Training) -> Iterable[str]:
    """How well the decision model ranks and predicts, by how far away the decision was."""
    table = training.evaluation.of("predictions", SHORTEST, DECISION)
    if table.empty or DecisionModel.kind not in table:
        return
    yield "## At the next decision, by distance"
    yield ""
    yield "A test row counts once its own window has closed: in the youngest periods, near decisions."
    yield ""
    yield "| days to the decision | rows | lost | AUC | predicted | observed | calibration error |"
    yield "|---|---|---|---|---|---|---|"
    for row in by_distance(table):
        area = "-" if row["auc"] is None else f"{row['auc']:.3f}"
        yield (
            f"| {row['distance']} | {row['rows']:,} | {row['lost']:,} | {area} | "
            f"{percent(row['predicted'], 2)} | {percent(row['observed'], 2)} | {row['ece']:.4f} |"
        )


def other_losses(training: Training) -> Iterable[str]:
    """The heads of downgrade and contraction, and what each loss costs."""
    if not training.others:
        return
    yield "## Other losses"
    yield ""
    yield "| loss | days | accounts that had it | AUC | renewal date + NPS | served by |"
    yield "|---|---|---|---|---|---|"
    for (name, horizon), report in training.others.items():
        kind = report.kind or training.best(horizon, name)
        own, naive = (training.evaluation.value(horizon, one, head=name) for one in (kind, "renewal_and_nps"))
        served = report.kind or ("renewal date + NPS" if report.folds else "nobody")
        numbers = f"{report.churners:,} | {_number(own)} | {_number(naive)}"
        yield f"| {OUTCOMES[name]} | {horizon} | {numbers} | {served} |"
    if training.champion is not None and training.champion.loss_shares:
        told = ", ".join(f"{OUTCOMES[n]} {percent(s)}" for n, s in training.champion.loss_shares.items())
        yield ""
        yield f"A loss takes this share of the account's ARR with it: {told}. The expected loss adds them up."


def track_records(training: Training) -> Iterable[str]:
    """What each headline fact has cost in the company's own history."""
    records = training.track_records
    told = [(fact.title, records[fact.code]) for fact in FACTS if fact.code in records]
    if not told:
        return
    yield "## What each fact has cost"
    yield ""
    yield (
        "How often customers had the fact on a date of the history whose next decision is over, no "
        "decision counted twice, and how many were lost at it. Comparable: customers without it, on the "
        "same date, of the same segment, with the decision as far away. It is told beside the fact, and in "
        f"the Why of a score that does not follow it; below {ENOUGH} times nothing is concluded."
    )
    yield ""
    yield "| headline fact | times | lost | share lost (90% interval) | comparable | |"
    yield "|---|---|---|---|---|---|"
    for title, record in told:
        ends = f"({percent(record.low)} to {percent(record.high)})"
        share = f"{percent(record.share)} {ends}" if record.times else "–"
        beside = "–" if record.comparable is None else percent(record.comparable)
        verdict = "too few to say" if not record.known else "costs customers" if record.costly else ""
        yield f"| {title} | {record.times:,} | {record.lost:,} | {share} | {beside} | {verdict} |"


def by_segment(training: Training) -> Iterable[str]:
    """Where the score means more, and where less."""
    horizon = training.primary_horizon
    kind = training.heads[horizon].kind or training.best(horizon)
    table = segments(training.evaluation, horizon, kind, capacity_share=0.10)
    if table.empty:
        return
    yield f"## By segment, {horizon} days ahead"
    yield ""
    yield (
        "| segment | account-months | lost | AUC | among the riskiest tenth | losses found there | "
        "predicted / observed |"
    )
    yield "|---|---|---|---|---|---|---|"
    for row in table.to_dict(orient="records"):
        yield (
            f"| {row['segment']} | {row['rows']:,} | {row['lost']} | {_number(row['auc'])} | "
            f"{_percent(row['flagged'])} | {_percent(row['found'])} | "
            f"{_number(row['predicted_to_observed'])} |"
        )


def importance(champion: Champion, panel: pd.DataFrame, config: ModelConfig) -> pd.DataFrame:
    """Measure how far each concept moves the log-odds on the latest portfolio.

    Returns:
        `concept`, `share` of all movement, and the `signals` that move most; the strongest first.
    """
    rows = panel[eligible(panel, config)]
    rows = rows[rows["as_of"] == rows["as_of"].max()]
    if rows.empty:
        return pd.DataFrame(columns=["concept", "share", "signals"])
    parts = champion.contributions(rows, champion.primary_horizon)
    concepts = {feature.source: feature.concept for feature in champion.features.features}
    centred = parts - parts.mean()
    sums: dict[str, np.ndarray] = {}
    for name in parts:
        concept = concepts.get(str(name), "other")
        sums[concept] = sums.get(concept, 0.0) + centred[name].to_numpy()
    moved = pd.Series({concept: float(np.abs(values).mean()) for concept, values in sums.items()})
    each = centred.abs().mean().sort_values(ascending=False)
    table = pd.DataFrame({"concept": moved.index, "share": (moved / moved.sum()).to_numpy()})
    table["signals"] = [
        ", ".join([str(n) for n in each.index if concepts.get(str(n), "other") == c][:SHOWN_SIGNALS])
        for c in table["concept"]
    ]
    return table.sort_values("share", ascending=False, ignore_index=True)


def looks_at(table: pd.DataFrame) -> Iterable[str]:
    """Importance by concept as a table."""
    if table.empty:
        return
    yield "| concept | share of what moves the risk | strongest signals |"
    yield "|---|---|---|"
    for row in table.to_dict(orient="records"):
        yield f"| {row['concept']} | {percent(row['share'])} | {row['signals']} |"


def leak_report(training: Training) -> Iterable[str]:
    """What the leak detector caught, and why."""
    yield "## Signals that may leak the outcome"
    yield ""
    if not training.findings:
        yield "Every signal was tested for knowledge of the future: none failed."
        return
    for finding in training.findings:
        used = "left out" if finding.column in training.refused else "not a signal; kept out"
        yield f"- {finding.sentence()}: {used}."
    if not any(finding.column in training.refused for finding in training.findings):
        return
    yield ""
    yield "That is evidence, no proof: where customers decline over many months, an honest signal may not"
    yield "fade either. One that a person has checked can be listed under `model.trusted_signals`."


def knows(training: Training) -> Iterable[str]:
    """Since when each source tells anything, and where the model is as blind as its sources."""
    if not training.sources:
        return
    yield ""
    yield "## What it knows, and since when"
    yield ""
    yield "| facts | since | signals | unknown for every account today |"
    yield "|---|---|---|---|"
    for row in training.sources:
        since = f"{pd.Timestamp(row['since']):%B %Y}" if row["since"] else "never"
        unknown = "all of them" if len(row["unknown"]) == row["signals"] else ", ".join(row["unknown"])
        yield f"| {row['table']} | {since} | {row['signals']} | {unknown or '–'} |"
    partly = [row for row in training.looked_at if (row["unknown"] or 0) >= MOSTLY]
    if partly and training.champion is not None:
        told = ", ".join(f"{row['name']} ({percent(row['unknown'])})" for row in partly)
        yield ""
        yield f"Read, but unknown for most accounts, in brackets for how many: {told}."


def switch(verdict: Verdict) -> Iterable[str]:
    """Whether it took over."""
    words = {"promote": "It takes over.", "hold": "It does not take over.", "ask": "It waits for a person."}
    yield f"**{words[verdict.action]}** " + " ".join(verdict.reasons)
    if np.isfinite(verdict.tier_churn):
        yield f"The switch alone would change the colour of {percent(verdict.tier_churn, 1)} of the accounts."


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _percent(value: float) -> str:
    return percent(value) if np.isfinite(value) else "–"
