"""Which headline facts hold for which account, with phrase and evidence, and how far they cap a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.fact_thresholds import FactThresholds
from customer_health.scoring.attribution import Attribution
from customer_health.scoring.phrases import phrased
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.statements import fill, risk_claim, say
from customer_health.signals.headline_facts import FACTS, Compare, HeadlineFact, NeverBegan
from customer_health.signals.signal import Signal

Bools = npt.NDArray[np.bool_]
Headline = dict[str, Any]

FACT_STEP = "facts"  # the waterfall's step for what a ceiling takes off
_NEARLY = 1e-9  # 80 / 100 - 1 is a fall of 20 %, whatever binary fractions make of it


def headlines_of(
    rows: pd.DataFrame,
    thresholds: FactThresholds,
    catalogue: Mapping[str, Signal],
    *,
    as_of: date,
    currency: str = "",
    facts: Iterable[HeadlineFact] = FACTS,
) -> list[list[Headline]]:
    """List the headline facts of every account, worst first.

    Args:
        rows: Panel rows of one day; an unknown signal proves nothing.
        thresholds: Section `facts` of the company file.
        catalogue: Signals by name.
        as_of: The day of the rows; part of the evidence.
        currency: Of amounts.
        facts: The declarations; defaults to the project's.

    Returns:
        Per row, in order of gravity: `code`, `title`, `concept`, `signal`, `value`, `limit` (the threshold),
        `phrase`, `short` (a few words for the Why), `source` (table), `as_of` (ISO), `baseline` (words),
        `decisive` and `risk`.
    """
    found: list[list[Headline]] = [[] for _ in range(len(rows))]
    for fact in facts:
        limit = getattr(thresholds, fact.code)
        if limit is None or fact.signal not in catalogue:
            continue
        values = _numbers(rows, fact.signal)
        true = _compare(values, fact, float(limit)) & _matters(rows, fact, thresholds)
        true &= _no_chance(rows, fact, thresholds) & _unlike_others(values, fact)
        for place in np.flatnonzero(true).tolist():
            short, phrase = _told(fact, catalogue[fact.signal], float(values[place]), currency)
            found[place].append(_headline(fact, float(values[place]), float(limit), short, phrase, as_of))
        if fact.never is not None:
            tenure = _numbers(rows, "tenure_days")
            for place in np.flatnonzero(_never(rows, fact.never, thresholds, tenure) & ~true).tolist():
                phrase = fact.never.phrase.format(days=f"{tenure[place]:.0f}")
                found[place].append(_headline(fact, 1.0, float(limit), fact.never.words, phrase, as_of))
    return found


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(dtype=float, na_value=np.nan)


def _compare(values: Floats, fact: HeadlineFact, limit: float) -> Bools:
    known = ~np.isnan(values)
    held = {
        Compare.AT_LEAST: values >= limit - _NEARLY,
        Compare.ABOVE: values > limit + _NEARLY,
        Compare.AT_MOST: values <= limit + _NEARLY,
        Compare.BELOW: values < limit - _NEARLY,
        Compare.FALLS_BY: values <= -limit + _NEARLY,
    }[fact.compare]
    return np.asarray(known & held)


def _matters(rows: pd.DataFrame, fact: HeadlineFact, thresholds: FactThresholds) -> Bools:
    matters = np.ones(len(rows), dtype=bool)
    if fact.while_at_most is not None:
        signal, highest = fact.while_at_most
        matters &= ~(_numbers(rows, signal) > highest)
    if fact.in_organisations and thresholds.organisation_from_seats is not None:
        matters &= ~(_numbers(rows, "seats") < thresholds.organisation_from_seats)
    return matters


def _no_chance(rows: pd.DataFrame, fact: HeadlineFact, thresholds: FactThresholds) -> Bools:
    """Whether the fact is more than the account's numbers do by themselves from month to month."""
    if fact.beyond_chance is None or fact.beyond_chance[0] not in rows:
        return np.ones(len(rows), dtype=bool)
    signal, setting = fact.beyond_chance
    return np.asarray(_numbers(rows, signal) >= getattr(thresholds, setting) - _NEARLY)


def _unlike_others(values: Floats, fact: HeadlineFact) -> Bools:
    """Whether an account is far below what is usual among all that are known on this day."""
    known = values[np.isfinite(values)]  # what is infinite is broken, and says nothing of what is usual
    if fact.of_median is None or not known.size:
        return np.ones(len(values), dtype=bool)
    return np.asarray(values < fact.of_median * np.median(known))


def _never(rows: pd.DataFrame, never: NeverBegan, thresholds: FactThresholds, tenure: Floats) -> Bools:
    """Customers of some age of whom the source has never told anything, although it tells of others."""
    since = getattr(thresholds, never.setting)
    last = _numbers(rows, never.unknown)
    if since is None or np.isnan(last).all():
        return np.zeros(len(rows), dtype=bool)
    quiet = ~(_numbers(rows, never.quiet) > 0)
    return np.asarray(np.isnan(last) & quiet & (tenure >= since))


def _told(fact: HeadlineFact, signal: Signal, value: float, currency: str) -> tuple[str, str]:
    claim = risk_claim(signal)
    if fact.words:
        short = fill(fact.words, value, currency)
    else:
        short = say(claim, value, currency) if claim is not None else fact.title.lower()
    phrase = fact.phrase.format(value=value) if fact.phrase else phrased(signal, value, currency)
    return short, phrase[0].upper() + phrase[1:]


def _headline(
    fact: HeadlineFact, value: float, limit: float, short: str, phrase: str, as_of: date
) -> Headline:
    return {
        "code": fact.code,
        "title": fact.title,
        "concept": fact.concept,
        "signal": fact.signal,
        "value": float(f"{value:.8g}"),  # as signals are kept; the order of a sum moves no digit of it
        "limit": limit,
        "phrase": phrase,
        "short": short,
        "source": fact.source,
        "as_of": as_of.isoformat(),
        "baseline": fact.baseline.format(limit=f"{limit:g}"),
        "decisive": fact.decisive,
        "risk": fact.risk,
    }


def gravity(facts: Iterable[Mapping[str, Any]]) -> int:
    """How much has happened at once: 2 for each decisive fact of risk, 1 for each other one of risk."""
    return sum(2 if fact["decisive"] else 1 for fact in facts if fact["risk"])


def capped(
    score: Floats,
    attribution: Attribution,
    headlines: Sequence[Sequence[Headline]],
    ceilings: Mapping[str, int],
) -> tuple[Floats, Attribution]:
    """Hold scores down to the ceilings of their headline facts; what that takes off is a step of its own.

    An account that nobody uses is not healthy, however well its invoices are paid: a model that has seen
    few silent accounts leave, and rules that add up small penalties, would both call it so.
    """
    if not ceilings:
        return score, attribution
    highest = np.array(
        [min((ceilings.get(fact["code"], 100) for fact in facts), default=100) for facts in headlines],
        dtype=float,
    )
    lower = np.minimum(score, highest)
    taken = lower - score
    if not taken.any():
        return score, attribution
    concepts = attribution.concepts.assign(**{FACT_STEP: taken})
    return lower, replace(attribution, concepts=concepts)
