"""Why a score is not what it was: what the customer's data did, and what we did, in points that add up.

From the score published before to today's there are three steps: today's data under the scoring of that day
(`data`, `missing`, `decision`, `late`), the model of today (`model`), and the settings of today (`config`).
Each step is a difference of two scores, so that the points add up to the whole change; within a step a
concept gets its share along the secant between both days, so that no share has the wrong sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.scoring.attribution import CALENDAR, OTHER, SMOOTHING, Attribution
from customer_health.scoring.headlines import FACT_STEP
from customer_health.scoring.score_scale import Floats
from customer_health.signals.signal import Signal

Cause = dict[str, Any]  # {"cause", "concept", "points"}
DATA, MISSING, DECISION, LATE = "data", "missing", "decision", "late"
MODEL, CONFIG = "model", "config"
OURS = (MODEL, CONFIG)  # causes that no customer has anything to do with
CUSTOMERS = (DATA, MISSING, DECISION, LATE)
SCALE = "scale"  # where the scale is pinned, and where its points begin
_STILL = 1e-9
_DIGITS = 3


@dataclass(frozen=True)
class Side:
    """One scoring of some accounts, on the line on which contributions add up.

    Attributes:
        parts: Contribution per signal; one row per account.
        sum: What the model or the rules make of the day alone, as it was published where that was kept.
        again: The same, computed from what is known of that day now.
        held: With what earlier days weigh in it; the score follows this.
        known: Per signal, whether its value is known.
    """

    parts: pd.DataFrame
    sum: Floats
    again: Floats
    held: Floats
    known: pd.DataFrame


def data_step(
    before: Side,
    after: Side,
    score_of: Callable[[Floats], Floats],
    *,
    published: Floats,
    ceilings: tuple[Floats, Floats],
    passed: npt.NDArray[np.bool_],
    handed: Floats,
    catalogue: Mapping[str, Signal],
) -> list[list[Cause]]:
    """Split what today's data moved, under the scoring of the day before.

    Args:
        before: The earlier day, computed again from what is known of it now.
        after: Today, by the same model.
        score_of: From the line to scores of 0 to 100, monotone.
        published: The score that the earlier day published.
        ceilings: Highest score that facts allow, of both days.
        passed: Accounts whose renewal date lay between both days.
        handed: By how much less of an earlier model's score is left in `held`, on the same line.
        catalogue: Says which concept a signal belongs to.

    Returns:
        Causes per account; they add up to today's score by the earlier scoring minus `published`.
    """
    low, high = ceilings
    start = np.minimum(score_of(before.held), low)
    moved = np.minimum(score_of(after.held), low)
    difference = after.held - before.held
    # Where both ends meet, the tangent: the parts cancel, and are told as far as they go.
    near = np.abs(difference) < _STILL
    width = 1e-4
    tangent = np.minimum(score_of(after.held + width), low) - np.minimum(score_of(after.held - width), low)
    slope = np.where(near, tangent / (2 * width), (moved - start) / np.where(near, 1.0, difference))

    names = [str(name) for name in before.parts.columns]
    steps = np.nan_to_num(after.parts.to_numpy(float)) - np.nan_to_num(before.parts.to_numpy(float))
    gone = before.known.to_numpy(bool) & ~after.known.to_numpy(bool)
    memory = (after.held - after.sum) - (before.held - before.sum)
    restated = before.again - before.sum
    rest = difference - steps.sum(axis=1) - memory - restated
    concepts = [str(catalogue[name].concept) if name in catalogue else OTHER for name in names]
    late = start - published + restated * slope
    facts = np.minimum(score_of(after.held), high) - moved
    found: list[list[Cause]] = []
    for row in range(len(published)):
        sums: dict[tuple[str, str], float] = {}
        for place, concept in enumerate(concepts):
            cause = MISSING if gone[row, place] else DATA
            if passed[row] and concept in (CALENDAR, OTHER):
                cause = DECISION
            sums[cause, concept] = sums.get((cause, concept), 0.0) + steps[row, place]
        cause = DECISION if passed[row] else DATA
        sums[cause, OTHER] = sums.get((cause, OTHER), 0.0) + rest[row]
        sums[DATA, SMOOTHING] = memory[row] - handed[row]
        sums[MODEL, SMOOTHING] = handed[row]  # a new model moves scores over weeks
        points = {key: value * slope[row] for key, value in sums.items()}
        points[DATA, FACT_STEP] = points.get((DATA, FACT_STEP), 0.0) + facts[row]
        points[LATE, OTHER] = late[row]
        found.append(_listed(points))
    return found


def own_step(
    cause: str, before: tuple[Floats, Attribution], after: tuple[Floats, Attribution]
) -> list[list[Cause]]:
    """Split what another model, or other settings, made of the same data: concept against concept.

    Returns:
        Causes per account; they add up to the difference of both scores.
    """
    (old, old_parts), (new, new_parts) = before, after
    names = list(dict.fromkeys([*old_parts.concepts.columns, *new_parts.concepts.columns]))
    was = old_parts.concepts.reindex(columns=names, fill_value=0.0).to_numpy(float)
    now = new_parts.concepts.reindex(columns=names, fill_value=0.0).to_numpy(float)
    steps = np.nan_to_num(now - was)
    rest = (new - old) - steps.sum(axis=1)
    return [
        _listed({**{(cause, str(n)): p for n, p in zip(names, row, strict=True)}, (cause, SCALE): left})
        for row, left in zip(steps.tolist(), rest.tolist(), strict=True)
    ]


def joined(*steps: Sequence[Sequence[Cause]]) -> list[list[Cause]]:
    """Put the steps of each account together, the largest cause first."""
    return [sorted([c for part in row for c in part], key=_size) for row in zip(*steps, strict=True)]


def of_customer(causes: Sequence[Cause]) -> dict[str, float]:
    """Points per concept of what is not ours: what an alert may call the customer's change."""
    sums: dict[str, float] = {}
    for cause in causes:
        if cause["cause"] in CUSTOMERS:
            sums[cause["concept"]] = sums.get(cause["concept"], 0.0) + cause["points"]
    return sums


def _listed(points: Mapping[tuple[str, str], float]) -> list[Cause]:
    rounded = {key: round(float(value), _DIGITS) for key, value in points.items()}
    return [
        {"cause": cause, "concept": concept, "points": value}
        for (cause, concept), value in rounded.items()
        if value
    ]


def _size(cause: Cause) -> float:
    return -abs(float(cause["points"]))
