"""How a score comes about, in points: per signal, summed per concept, from the average account onwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.scoring.score_scale import Floats, ScoreMapping
from customer_health.signals.signal import Concept, Signal

CALENDAR = Concept.CALENDAR.value
SMOOTHING = "smoothing"  # what earlier days still hold back, or still weigh
OTHER = "other"  # model terms without a signal, and what a calibrator adds: shown, never a reason


@dataclass(frozen=True)
class Attribution:
    """How the score of each account comes about, in score points.

    Attributes:
        start: The score everybody starts from: that of the portfolio's average log-odds (model), or 100
            (rules).
        signals: Points per signal, signed; one row per account.
        concepts: Points per concept, `calendar` and `other` included; start plus their sum is the
            position on the straight line, before the tails are bent.
    """

    start: float
    signals: pd.DataFrame
    concepts: pd.DataFrame


@dataclass(frozen=True)
class Reference:
    """The account from which points are counted: the portfolio's average.

    Attributes:
        log_odds: Mean of the portfolio.
        contributions: Mean per signal.
    """

    log_odds: float
    contributions: Mapping[str, float]


def attribute_model(
    contributions: pd.DataFrame,
    log_odds: Floats,
    mapping: ScoreMapping,
    catalogue: Mapping[str, Signal],
    *,
    reference: Reference,
    carried: Floats | None = None,
) -> Attribution:
    """Turn contributions in log-odds of risk into points relative to the portfolio's average account.

    Args:
        contributions: One row per account (in the order of `log_odds`), one column per signal.
        log_odds: Of the score.
        mapping: From log-odds to score.
        catalogue: Says which concept a signal belongs to.
        reference: Where points are counted from.
        carried: What earlier days left in `log_odds`, if scores are smoothed; a step of its own.
    """
    slope = mapping.slope_from(reference.log_odds, log_odds)[:, np.newaxis]
    averages = pd.Series(dict(reference.contributions), dtype=float)
    centre = averages.reindex(contributions.columns, fill_value=0.0).to_numpy()
    values = contributions.to_numpy(dtype=float, na_value=0.0)
    points = pd.DataFrame(slope * (values - centre), index=contributions.index, columns=contributions.columns)
    total = slope[:, 0] * (log_odds - reference.log_odds)
    extra = {} if carried is None else {SMOOTHING: slope[:, 0] * carried}
    start = float(mapping.raw(np.array([reference.log_odds]))[0])
    return Attribution(start, points, _per_concept(points, total, catalogue, extra))


def attribute_rules(points: pd.DataFrame, score: Floats, catalogue: Mapping[str, Signal]) -> Attribution:
    """Penalties of the rule score are points already; everybody starts from 100."""
    return Attribution(100.0, points, _per_concept(points, score - 100.0, catalogue))


def _per_concept(
    points: pd.DataFrame,
    total: Floats,
    catalogue: Mapping[str, Signal],
    extra: Mapping[str, Floats] | None = None,
) -> pd.DataFrame:
    """Sum per concept; whatever concepts and extra steps leave of the total is `other`."""
    members: dict[str, list[str]] = {str(signal.concept): [] for signal in catalogue.values()}
    for name in points.columns:
        if name in catalogue:
            members[str(catalogue[name].concept)].append(name)
    sums = {concept: points[names].to_numpy().sum(axis=1) for concept, names in members.items() if names} or {
        CALENDAR: np.zeros(len(points))
    }
    frame = pd.DataFrame({**sums, **(extra or {})}, index=points.index)
    frame[OTHER] = total - frame.to_numpy().sum(axis=1)
    return frame


def waterfalls(attribution: Attribution, score: Floats) -> list[dict[str, float]]:
    """Steps from `start` to each score; they add up to it within 0.1.

    `limit` is what the ends of the scale take off: points count on the straight line, and near 0 and
    100 the score bends away from it. It is there only where it is not nothing.
    """
    names = list(attribution.concepts.columns)
    parts = attribution.concepts.to_numpy()
    limits = score - (attribution.start + parts.sum(axis=1))
    start = round(attribution.start, 2)
    steps: list[dict[str, float]] = []
    parts = parts.round(2) + 0.0  # turns -0.0 into 0.0
    for row, limit in zip(parts.tolist(), limits.round(2).tolist(), strict=True):
        step = {"start": start, **dict(zip(names, row, strict=True))}
        if limit:
            step["limit"] = limit
        steps.append(step)
    return steps
