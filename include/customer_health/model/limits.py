"""When not to believe a model: what holds for every one, and what this training's own numbers warn of."""

from __future__ import annotations

from collections.abc import Iterable

from customer_health.model.features import RENEWAL
from customer_health.model.report import Training

STEADY_CHURNERS, STEADY_FOLDS, SUSPICIOUS_AUC = 250, 6, 0.85
LIMITS = (
    "It ranks accounts by risk. It does not say what a call would change: whether a playbook works is "
    "measured against a holdout, not by this card.",
    "It learned from customers as they were; a new product, price or kind of customer lies outside of that.",
    "An account that gave notice, or that is younger than the minimal tenure, is not predicted at all.",
    "A high risk is no verdict: of the riskiest accounts most stay, as the calibration above shows. Red "
    "means 'look here first', not 'will leave'.",
    "Past interventions are in the data: an account that was saved taught it that its signs were harmless.",
)


def measured_limits(training: Training) -> Iterable[str]:
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
