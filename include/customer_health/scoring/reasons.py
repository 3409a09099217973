"""Why a score is what it is: points summed per concept, said by the strongest signal.

Signals of one concept are correlated, so a model spreads one cause over several of them. The sum over
the concept names the true cause more often than the largest single signal does; that signal only lends
the sum its words. The calendar (days to renewal) moves the score and is shown, but it is nobody's fault
and never a reason.

Support and mood are read off the same tickets: one cause, told in two concepts, which would each lose against
a single one that costs a little more. They count together for their place; the stronger of them takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.model.data.features import RENEWAL
from customer_health.model.registry.champion import NEAR
from customer_health.scoring.attribution import CALENDAR, Attribution
from customer_health.scoring.claims import Claim
from customer_health.scoring.phrases import phrased
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.statements import (
    codes_of,
    renewal_words,
    risk_claim,
    say,
    strength_claim,
)
from customer_health.scoring.why import MIN_POINTS, renewal_fact
from customer_health.signals.signal import Direction, Signal

Reason = dict[str, Any]

TOGETHER = (frozenset({"support", "sentiment"}),)  # concepts that show one cause twice
# What says nothing of a customer of a few people: of one person, no second one and no executive can be known,
# and nobody holds a business review with them.
ORGANISATIONAL = frozenset(
    {"single_threaded", "few_voices", "no_exec_contact", "no_executive_known", "no_ebr", "late_ebr"}
)
ANYBODY = frozenset({"single_threaded", "few_voices"})  # that nobody at all is known, is news of all
MAX_RISKS = 4
MAX_STRENGTHS = 2


def holds(
    claim: Claim, values: Floats, signal: Signal, *, risk: bool, median: float
) -> npt.NDArray[np.bool_]:
    """For which accounts the claim is true; unknown values (NaN) support no claim."""
    true = (values >= claim.at_least) & (values <= claim.at_most)
    if claim.against_median:
        if signal.direction is Direction.NEUTRAL:
            return np.zeros(len(values), dtype=bool)
        above = (signal.direction is Direction.LOWER_IS_HEALTHIER) == risk
        true &= (values > median) if above else (values < median)
    return np.asarray(true)


@dataclass(frozen=True)
class _Faces:
    """The best-placed speaker of every (account, concept), on one side (risk or strength)."""

    concepts: tuple[str, ...]
    points: Floats  # accounts x concepts; 0 where nothing may be said
    face: npt.NDArray[np.int64]  # index into `names`
    names: tuple[str, ...]
    claims: tuple[Claim, ...]
    also: Mapping[int, npt.NDArray[np.bool_]]  # signal index -> accounts for which it holds and counts


def _faces(
    attribution: Attribution,
    values: pd.DataFrame,
    catalogue: Mapping[str, Signal],
    organisation_from: float | None,
    *,
    risk: bool,
) -> _Faces:
    small = _small(values, organisation_from)
    sign = -1.0 if risk else 1.0
    names, claims, gains = [], [], []
    for name in attribution.signals.columns:
        signal = catalogue.get(name)
        if signal is None or str(signal.concept) == CALENDAR or name not in values:
            continue
        claim = risk_claim(signal) if risk else strength_claim(signal)
        if claim is None:
            continue
        column = values[name].to_numpy(dtype=float)
        median = float(np.median(known)) if (known := column[~np.isnan(column)]).size else np.nan
        true = holds(claim, column, signal, risk=risk, median=median)
        if risk and claim.code in ORGANISATIONAL:
            true &= ~small | ((column == 0) & (claim.code in ANYBODY))
        gain = sign * attribution.signals[name].to_numpy()
        names.append(name)
        claims.append(claim)
        gains.append(np.where(true & (gain > 0), gain, 0.0))
    rows = len(values)
    concepts = tuple(dict.fromkeys(str(catalogue[name].concept) for name in names))
    points = np.zeros((rows, len(concepts)))
    face = np.zeros((rows, len(concepts)), dtype=np.int64)
    for position, concept in enumerate(concepts):
        mine = np.array([i for i, name in enumerate(names) if str(catalogue[name].concept) == concept])
        side = np.column_stack([gains[i] for i in mine])
        best = side.argmax(axis=1)
        total = sign * attribution.concepts[concept].to_numpy()
        sayable = side.max(axis=1) > 0
        points[:, position] = np.where(sayable & (total >= MIN_POINTS), total, 0.0)
        face[:, position] = mine[best]
    also = {i: gain >= MIN_POINTS for i, gain in enumerate(gains)}
    return _Faces(concepts, sign * points, face, tuple(names), tuple(claims), also)


def reasons_for(
    attribution: Attribution,
    values: pd.DataFrame,
    catalogue: Mapping[str, Signal],
    *,
    currency: str = "",
    organisation_from: float | None = None,
) -> list[list[Reason]]:
    """List the reasons of every account: what costs it most first, then what protects it.

    Args:
        attribution: From `attribute_model` or `attribute_rules`.
        values: Signal values of the same accounts in the same order; NaN is unknown.
        catalogue: Signals by name.
        currency: Of every amount; empty if nothing names it.
        organisation_from: Seats from which a customer is an organisation: with fewer, a concept is not said
            by a single contact or a missing executive, but by what else is true of it. None: all are.

    Returns:
        Per account up to four risks, by what they cost together (`TOGETHER`), and two strengths: `code`,
        `concept`, `signal` (its face), `value`, `points` (of the whole concept, signed), `phrase`, `short` (a
        few words for the Why), and `also`: further codes of the same concept that are true and move the score
        by at least a point, so that
        no playbook misses its trigger; a signal so bad that it has a code of its own is always among them.
        Last comes the renewal, where it is near: it is context and moves no score, so its `points` are 0 and
        its entry says `context`.
    """
    sides = [
        _side(attribution, values, catalogue, most, currency, organisation_from, risk=risk)
        for most, risk in ((MAX_RISKS, True), (MAX_STRENGTHS, False))
    ]
    context = _context(values, catalogue)
    return [bad + good + near for bad, good, near in zip(*sides, context, strict=True)]


def _small(values: pd.DataFrame, organisation_from: float | None) -> npt.NDArray[np.bool_]:
    """Which customers are a few people; where the seats are unknown, none."""
    if organisation_from is None or "seats" not in values:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(values["seats"].to_numpy(dtype=float) < organisation_from)


def _context(values: pd.DataFrame, catalogue: Mapping[str, Signal]) -> list[list[Reason]]:
    """The renewal, where it is known and near."""
    if RENEWAL not in values or RENEWAL not in catalogue:
        return [[] for _ in range(len(values))]
    days = values[RENEWAL].to_numpy(dtype=float)
    return [[_renewal(left)] if 0 <= left <= NEAR else [] for left in days.tolist()]


def _renewal(days: float) -> Reason:
    short = renewal_words(days)
    return {
        **renewal_fact(days),
        "points": 0.0,
        "context": True,
        "phrase": _sentence(short),
        "short": short,
        "also": [],
    }


def _side(
    attribution: Attribution,
    values: pd.DataFrame,
    catalogue: Mapping[str, Signal],
    most: int,
    currency: str,
    organisation_from: float | None,
    *,
    risk: bool,
) -> list[list[Reason]]:
    faces = _faces(attribution, values, catalogue, organisation_from, risk=risk)
    found: list[list[Reason]] = [[] for _ in range(len(values))]
    if not faces.names:
        return found
    size = np.abs(faces.points)
    order = np.argsort(-size, axis=1, kind="stable")[:, :most]
    if risk:
        order = _counted_together(size, order, faces.concepts)
    columns = [values[name].to_numpy(dtype=float) for name in faces.names]
    siblings = {
        concept: [i for i, name in enumerate(faces.names) if str(catalogue[name].concept) == concept]
        for concept in faces.concepts
    }
    signals = [catalogue[name] for name in faces.names]
    # "No contact for 3 days" is how trouble is told: a strength says it in its own words. And a risk keeps
    # its "only": "3 conversations in three months" alone is neither good nor bad.
    spoken = [risk or signal.direction is not Direction.LOWER_IS_HEALTHIER for signal in signals]
    # Plain lists: one by one, NumPy's numbers cost more to reach than to look at.
    picked, places = np.nonzero(np.take_along_axis(size, order, axis=1) > 0)
    positions = order[picked, places]
    face_of = faces.face[picked, positions]
    values_of = np.stack(columns)[face_of, picked].tolist()
    points_of = faces.points[picked, positions].round(2).tolist()
    also = [holds_true.tolist() for holds_true in faces.also.values()]
    everything = zip(picked.tolist(), positions.tolist(), face_of.tolist(), values_of, points_of, strict=True)
    for row, position, face, value, points in everything:
        concept, claim = faces.concepts[position], faces.claims[face]
        short = say(claim, value, currency)
        codes = codes_of(signals[face], claim, value) if risk else (claim.code,)
        others = [*codes[1:], *_other_codes(faces, signals, columns, also, siblings[concept], row, risk=risk)]
        found[row].append(
            {
                "code": codes[0],
                "concept": concept,
                "signal": faces.names[face],
                "value": value,
                "points": points,
                "phrase": _sentence(
                    short
                    if not spoken[face]
                    or _is_nothing(claim, value)
                    or (risk and " only " in f" {claim.words} ")
                    else phrased(signals[face], value, currency)
                ),
                "short": short,
                "also": [code for code in dict.fromkeys(others) if code != codes[0]],
            }
        )
    return found


def _counted_together(
    size: Floats, order: npt.NDArray[np.int64], concepts: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Order the chosen concepts anew: the strongest of a group stands where the group's sum puts it."""
    rows = np.arange(len(size))[:, None]
    told = np.zeros_like(size)
    told[rows, order] = size[rows, order]
    weight = told.copy()
    for group in TOGETHER:
        mine = [place for place, concept in enumerate(concepts) if concept in group]
        if len(mine) > 1:
            strongest = np.asarray(mine)[told[:, mine].argmax(axis=1)]
            weight[rows[:, 0], strongest] = told[:, mine].sum(axis=1)
    places = np.argsort(-weight[rows, order], axis=1, kind="stable")
    return np.take_along_axis(order, places, axis=1)


def _is_nothing(claim: Claim, value: float) -> bool:
    """Whether the claim is that there is none: "0 people spoke with us" is said in its own words."""
    return value == 0 and (bool(claim.none) or claim.at_most == 0)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _other_codes(
    faces: _Faces,
    signals: Sequence[Signal],
    columns: Sequence[Floats],
    also: Sequence[Sequence[bool]],
    siblings: Sequence[int],
    row: int,
    *,
    risk: bool,
) -> list[str]:
    """Codes of the concept's other signals; what is grave is told even where the model charges little."""
    others: list[str] = []
    for i in siblings:
        if risk and signals[i].grave is not None:
            others += codes_of(signals[i], faces.claims[i], float(columns[i][row]))[:-1]
        if also[i][row]:
            others.append(faces.claims[i].code)
    return others
