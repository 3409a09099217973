"""The model card: what the model knows, since when, and when not to believe it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from customer_health.model import plots
from customer_health.model.baselines import NaiveBaseline
from customer_health.model.blend import Blend
from customer_health.model.features import RENEWAL
from customer_health.model.report import HeadReport, Training
from customer_health.model.rules import RuleScore

FILE = "model_card.md"
STEADY_CHURNERS, STEADY_FOLDS, SUSPICIOUS_AUC = 250, 6, 0.85
NAMES = {
    NaiveBaseline.kind: "renewal date + NPS (baseline)",
    RuleScore.kind: "rule score (baseline)",
    "logistic": "logistic regression",
    "lightgbm": "LightGBM",
    Blend.kind: "blend of the two",
}
COLUMNS = {
    "auc": "AUC",
    "cal_auc": "AUC, calendar-adjusted",
    "recall": "found at capacity",
    "lift": "lift",
    "pr_auc": "PR-AUC",
    "brier": "Brier",
    "ece": "ECE",
    "predicted_to_observed": "predicted / observed",
}
LIMITS = (
    "It ranks accounts by risk. It does not say what a call would change: whether a playbook works is "
    "measured against a holdout, not by this card.",
    "It learned from customers as they were; a new product, price or kind of customer lies outside of that.",
    "An account that gave notice, or that is younger than the minimal tenure, is not predicted at all.",
    "A high risk is no verdict: of the riskiest accounts most stay, as the calibration above shows. Red "
    "means 'look here first', not 'will leave'.",
    "Past interventions are in the data: an account that was saved taught it that its signs were harmless.",
)


def write(training: Training, folder: Path) -> Path:
    """Write the card as Markdown, with its plots beside it.

    Args:
        training: The training to describe; one that ended with the rule score gets a card, too.
        folder: Created if needed.

    Returns:
        Path of the Markdown file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for report in training.heads.values():
        if report.horizon in set(training.evaluation.folds.get("horizon", [])):
            pictures += plots.draw(training, report.horizon, folder)
    path = folder / FILE
    path.write_text("\n".join(_text(training, pictures)) + "\n", encoding="utf-8")
    return path


def _text(training: Training, pictures: list[tuple[str, str]]) -> Iterable[str]:
    yield f"# Model card: {training.model_id}"
    yield ""
    decision = "a model scores" if training.decision == "model" else "the rule score scores"
    yield f"**Decision on {training.as_of:%-d %B %Y}: {decision}.** {training.why}"
    yield ""
    yield "It predicts logo churn: that a contract ends, by its effective date, within so many days of the"
    yield "as-of date. Nothing that was logged or became known on the training date or later was used, and"
    yield "in every test period the model was trained only on labels that were complete by then."
    for report in training.heads.values():
        yield from _horizon(training, report)
    for title, file in pictures:
        yield ""
        yield f"![{title}]({file})"
    yield from _inputs(training)
    yield ""
    yield "## When not to believe it"
    yield ""
    for limit in (*_measured_limits(training), *LIMITS):
        yield f"- {limit}"


def _horizon(training: Training, report: HeadReport) -> Iterable[str]:
    yield ""
    yield f"## {report.horizon} days ahead"
    yield ""
    yield f"{report.why[:1].upper()}{report.why[1:]}."
    yield ""
    yield (
        f"Learned from {report.rows:,} account-months, in which {report.churners:,} different accounts were "
        f"lost; {report.folds} test periods."
    )
    overall = training.evaluation.overall
    if overall.empty or not (overall["horizon"] == report.horizon).any():
        return
    folds = training.evaluation.folds
    days = folds["train_date"][folds["horizon"] == report.horizon]
    yield f"Tested on the accounts of {days.min():%B %Y} to {days.max():%B %Y}."
    yield ""
    yield "| candidate | " + " | ".join(COLUMNS.values()) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    table = overall[overall["horizon"] == report.horizon].set_index(["candidate", "metric"])
    for kind, name in NAMES.items():
        cells = []
        for metric in COLUMNS:
            row = table.loc[[(kind, metric)]].iloc[0] if (kind, metric) in table.index else None
            cells.append("–" if row is None else _cell(metric, row["value"], row["low"], row["high"]))
        mark = "**" if kind == report.kind else ""
        yield f"| {mark}{name}{mark} | " + " | ".join(cells) + " |"
    yield ""
    yield "In brackets: 90 % interval from drawing accounts with replacement. 'Calendar-adjusted' compares"
    yield "only accounts equally near to their renewal; 0.5 there means knowing the calendar and no more."


def _cell(metric: str, value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "–"
    digits = {"lift": 1, "predicted_to_observed": 2, "brier": 4, "ece": 4}.get(metric, 3)
    shown = f"{value:.{digits}f}"
    return (
        f"{shown} ({low:.{digits}f}–{high:.{digits}f})" if metric in ("auc", "cal_auc", "recall") else shown
    )


def _inputs(training: Training) -> Iterable[str]:
    champion = training.champion
    if champion is None:
        return
    yield ""
    yield "## What it looks at"
    yield ""
    concepts: dict[str, list[str]] = {}
    for feature in champion.features.features:
        names = concepts.setdefault(feature.concept, [])
        if feature.source not in names:
            names.append(feature.source)
    yield "| concept | signals |"
    yield "|---|---|"
    for concept, names in concepts.items():
        yield f"| {concept} | {', '.join(names)} |"
    yield ""
    anchors = champion.anchors[champion.primary_horizon]
    yield (
        f"The score's scale was pinned on the portfolio of the training day: Red above a probability of "
        f"{anchors['p_red']:.1%}, Green below {anchors['p_green']:.1%}, {champion.primary_horizon} days "
        "ahead. It stays so until the next training."
    )


def _measured_limits(training: Training) -> Iterable[str]:
    """Warnings that this training's own numbers give."""
    for report in training.heads.values():
        ahead = f"{report.horizon} days ahead"
        if report.kind is None and training.champion is not None:
            yield (
                f"{ahead}, nothing was found that beats renewal date + NPS; that baseline fills in the "
                "probability."
            )
        if report.kind is None:
            continue
        if report.churners < STEADY_CHURNERS:
            yield (
                f"{ahead}, only {report.churners} lost accounts taught it; below about {STEADY_CHURNERS}, "
                "expect it to wobble."
            )
        if report.folds < STEADY_FOLDS:
            yield f"{ahead}, {report.folds} test periods are few: one unusual quarter can carry the result."
        ratio = training.evaluation.value(report.horizon, report.kind, "predicted_to_observed")
        if not 0.8 <= ratio <= 1.25:
            word = "more" if ratio > 1 else "fewer"
            yield (
                f"{ahead}, it predicted {word} losses than came ({ratio:.2f} per loss): trust its order, "
                "not its percentages."
            )
        strong = report.separations.drop(RENEWAL, errors="ignore")
        strong = strong[strong > SUSPICIOUS_AUC]
        if len(strong):
            named = ", ".join(f"{name} ({area:.2f})" for name, area in strong.items())
            yield (
                f"{ahead}, single signals separate suspiciously well: {named}. Check that nobody fills "
                "them in after the loss."
            )
