"""When not to believe a model: what holds for every one, and what this training's own numbers warn of."""

from __future__ import annotations

from collections.abc import Iterable

from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.features import RENEWAL
from customer_health.model.evaluation.fold_results import LOGO
from customer_health.model.reports.training_report import HeadReport, Training
from customer_health.wording import percent

STEADY_CHURNERS, STEADY_FOLDS, SUSPICIOUS_AUC = 250, 6, 0.85
RISKIEST = 0.10
LEARNED = (
    "It ranks accounts by risk. It does not say what a call would change: whether a playbook works is "
    "measured against a holdout, not by this card.",
    "It learned from customers as they were; a new product, price or kind of customer lies outside of that.",
    "Past interventions are in the data: an account that was saved taught it that its signs were harmless.",
)
ALWAYS = (
    "An account that gave notice, or that is younger than the minimal tenure, is not scored at all.",
    "A low score is not a verdict: Red means 'look here first', not 'will leave'.",
)


def limits(training: Training) -> tuple[str, ...]:
    """Every reason not to believe it: what its own numbers warn of first."""
    return (*measured_limits(training), *(LEARNED if training.champion is not None else ()), *ALWAYS)


def _riskiest(training: Training, report: HeadReport) -> Iterable[str]:
    """How many of those that looked worst really left, counted in the test periods."""
    table = training.evaluation.of("predictions", report.horizon, LOGO)
    if report.kind is None or table.empty or report.kind not in table:
        return
    place = table.groupby("train_date")[report.kind].rank(pct=True, ascending=False)
    worst = table.loc[place <= RISKIEST, "y"]
    if len(worst):
        yield (
            f"{report.horizon} days ahead, {percent(worst.mean())} of the riskiest tenth left in the test "
            f"periods and {percent(1 - worst.mean())} stayed, where {percent(table['y'].mean())} of all "
            "accounts left."
        )


def _stand_in(report: HeadReport) -> str:
    if report.served == LogisticRegression.kind:
        return (
            "no model has proved itself; the probability comes from the line that starts from what the "
            f"documents say, corrected by {report.churners} losses: it ranks, and has not been proved to."
        )
    return "nothing was found that beats renewal date + NPS; that baseline fills in the probability."


def measured_limits(training: Training) -> Iterable[str]:
    """Warnings that this training's own numbers give."""
    if training.crowded:
        yield training.crowded
    if training.logged_late:
        yield (
            f"Losses are logged late: only after {training.logged_late:.0f} days have nine of ten been told. "
            "It waits that long before it takes anybody for kept, so the youngest windows are neither "
            "learned from nor tested on; what was never logged still counts as kept."
        )
    measured = [horizon for horizon in training.heads if len(training.evaluation.of("overall", horizon))]
    if training.champion is None and not measured:
        yield (
            "Nobody has measured how well the rules rank the customers of this company: its history is too "
            "short, or has too few losses. Their penalties were fitted to no data."
        )
    for report in training.heads.values():
        ahead = f"{report.horizon} days ahead"
        if report.kind is None and training.champion is not None:
            yield f"{ahead}, {_stand_in(report)}"
        if report.kind is None:
            continue
        yield from _riskiest(training, report)
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
