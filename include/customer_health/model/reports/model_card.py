"""The model card: what the model knows, since when, and when not to believe it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from customer_health import storage
from customer_health.company import ModelConfig
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate_list import WORDS
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.candidates.rules_v2 import RuleScoreV2
from customer_health.model.data.revenue_growth import ENOUGH
from customer_health.model.evaluation import optimism
from customer_health.model.registry.current_model import Watch
from customer_health.model.registry.promotion import Verdict
from customer_health.model.reports import model_card_sections as sections
from customer_health.model.reports import model_plots, scoreboard_page
from customer_health.model.reports.limitations import limits
from customer_health.model.reports.training_report import HeadReport, Training
from customer_health.wording import percent

FILE = "model_card.md"
TAUGHT_BY_GROWTH = (LogisticRegression.kind, CorrectedLine.kind, Blend.kind)
NAMES = {
    **WORDS,
    NaiveBaseline.kind: "renewal date + NPS (baseline)",
    RuleScore.kind: "rule score (baseline)",
    RuleScoreV2.kind: "second rule score",
    Blend.kind: "blend of those that help each other",
}
COLUMNS = {
    "auc": "AUC",
    "cal_auc": "AUC, calendar-adjusted",
    "recall": "found at capacity",
    "arr_recall": "lost ARR found",
    "lift": "lift",
    "pr_auc": "PR-AUC",
    "brier": "Brier",
    "ece": "ECE",
    "predicted_to_observed": "predicted / observed",
    "slope": "slope",
    "profit": "profit per account",
}


def write(
    training: Training,
    folder: Path,
    *,
    panel: pd.DataFrame | None = None,
    verdict: Verdict | None = None,
    watch: Watch | None = None,
    config: ModelConfig | None = None,
) -> Path:
    """Write the card as Markdown, with its plots beside it.

    Args:
        training: The training to describe; one that ended with the rule score gets a card, too.
        folder: Created if needed.
        panel: The panel it saw; adds what the champion looks at, measured on the latest portfolio.
        verdict: Whether it took over.
        watch: How the predictions published so far have fared.
        config: Limits of eligibility; the defaults if not given.

    Returns:
        Path of the Markdown file.
    """
    moved = pd.DataFrame(columns=["concept", "share", "signals"])
    if training.champion is not None and panel is not None:
        moved = sections.importance(training.champion, panel, config or ModelConfig())
    pictures = []
    for report in training.heads.values():
        if len(training.evaluation.of("folds", report.horizon)):
            pictures += model_plots.draw(training, report.horizon, folder)
    if len(moved):
        pictures.append(model_plots.importance(moved, folder))
    if any(record.known for record in training.track_records.values()):
        pictures.append(model_plots.track_records(training, folder))
    path = folder / FILE
    text = "\n".join(_text(training, pictures, moved, verdict, watch))
    return storage.write(path, text + "\n")


def _text(
    training: Training,
    pictures: list[tuple[str, str]],
    moved: pd.DataFrame,
    verdict: Verdict | None,
    watch: Watch | None,
) -> Iterable[str]:
    yield f"# Model card: {training.model_id}"
    yield ""
    decision = "a model scores" if training.decision == "model" else "the rule score scores"
    yield f"**Decision on {training.as_of:%-d %B %Y}: {decision}.** {training.why}"
    if verdict is not None:
        yield ""
        yield from sections.switch(verdict)
    yield ""
    yield from _scope(training)
    for report in training.heads.values():
        yield from _horizon(training, report)
    for title, file in pictures:
        yield ""
        yield f"![{title}]({file})"
    yield from _inputs(training, moved)
    yield from sections.knows(training)
    parts = [
        sections.at_the_decision,
        sections.track_records,
        sections.looking_back,
        sections.other_losses,
        sections.by_segment,
        sections.leak_report,
    ]
    for part in parts:
        lines = list(part(training))
        yield from ("", *lines) if lines else ()
    if watch is not None:
        yield ""
        yield "## Since it was published"
        yield ""
        yield from scoreboard_page.section(watch)
    yield ""
    yield "## When not to believe it"
    yield ""
    for limit in limits(training):
        yield f"- {limit}"


def _scope(training: Training) -> Iterable[str]:
    if training.champion is None:
        yield "The rules add up penalties. They predict no probability, and no expected loss. A model would"
        yield "predict logo churn: that a contract ends, by its effective date, within so many days of the"
        yield "as-of date. Here is why none scores."
        return
    yield "It predicts logo churn: that a contract ends, by its effective date, within so many days of the"
    yield "as-of date. Nothing that was logged or became known on the training date or later was used, and"
    yield "in every test period the model was trained only on labels that were complete by then."


def _horizon(training: Training, report: HeadReport) -> Iterable[str]:
    yield ""
    yield f"## {report.horizon} days ahead"
    yield ""
    yield f"{report.why[:1].upper()}{report.why[1:]}."
    yield ""
    verb = "Learned from" if report.kind is not None else "The history holds"
    yield (
        f"{verb} {report.rows:,} account-months{_months(training, report)}, in which {report.churners:,} "
        f"different accounts were lost; {report.folds} test periods."
    )
    if report.kind in TAUGHT_BY_GROWTH and report.moved >= ENOUGH:
        yield (
            f"How signals weigh was also learned from {report.moved:,} account-months after which revenue "
            "grew or shrank within half a year."
        )
    overall = training.evaluation.of("overall", report.horizon)
    if overall.empty:
        return
    folds = training.evaluation.of("folds", report.horizon)
    days = folds["train_date"]
    yield f"Tested on the accounts of {days.min():%B %Y} to {days.max():%B %Y}."
    yield ""
    yield "| candidate | " + " | ".join(COLUMNS.values()) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    table = overall.set_index(["candidate", "metric"])
    measured = set(overall["candidate"])
    for kind, name in NAMES.items():
        if kind not in measured:
            continue
        cells = []
        for metric in COLUMNS:
            row = table.loc[[(kind, metric)]].iloc[0] if (kind, metric) in table.index else None
            cells.append("–" if row is None else _cell(metric, row["value"], row["low"], row["high"]))
        mark = "**" if kind == report.kind else ""
        yield f"| {mark}{name}{mark} | " + " | ".join(cells) + " |"
    yield ""
    yield "In brackets: 90% interval from drawing accounts with replacement. 'Calendar-adjusted' compares"
    yield "only accounts equally near to their renewal; 0.5 there means knowing the calendar and no more."
    yield "'Lost ARR found' and profit rank by probability times ARR; a slope below 1 means too extreme."
    if report.optimism is not None:
        yield ""
        yield f"A random split of the same rows would move the trees' AUC by {report.optimism:+.3f}: such"
        yield "numbers are not comparable to these."
        if report.optimism > optimism.WIDE:
            yield f"**The gap is wide (over {optimism.WIDE}): accounts or months are recognised, not risk.**"
    if report.calibration_warning:
        yield ""
        off = report.calibration_warning
        yield f"**Its probabilities are off ({off}); they were straightened where that helped.**"


def _months(training: Training, report: HeadReport) -> str:
    """The months whose outcome is known: the last ones are too young to have one."""
    if not training.window:
        return ""
    first, last = (pd.Timestamp(day) for day in training.window)
    close = pd.Timestamp(training.as_of) - pd.Timedelta(days=report.horizon)
    return f" of {first:%B %Y} to {min(last, close):%B %Y}" if close >= first else ""


def _cell(metric: str, value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "–"
    digits = {"lift": 1, "predicted_to_observed": 2, "brier": 4, "ece": 4, "slope": 2, "profit": 0}.get(
        metric, 3
    )
    shown = f"{value:.{digits}f}"
    return (
        f"{shown} ({low:.{digits}f}–{high:.{digits}f})" if metric in ("auc", "cal_auc", "recall") else shown
    )


def _inputs(training: Training, moved: pd.DataFrame) -> Iterable[str]:
    champion = training.champion
    if champion is None:
        return
    yield ""
    yield "## What it looks at"
    yield ""
    yield f"{len(champion.features.sources)} signals and facts of the contract."
    yield ""
    yield from sections.looks_at(moved)
    yield ""
    anchors = champion.anchors[champion.primary_horizon]
    yield (
        f"The score's scale was pinned on the portfolio of the training day: Red above a probability of "
        f"{percent(anchors['p_red'], 1)}, Green below {percent(anchors['p_green'], 1)}, "
        f"{champion.primary_horizon} days ahead. It stays so until the next training."
    )
