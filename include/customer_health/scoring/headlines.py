"""Which headline facts hold for which account, with phrase and evidence, and how far they cap a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.fact_thresholds import FactThresholds
from customer_health.model.data.track_record import TrackRecord
from customer_health.scoring.attribution import Attribution
from customer_health.scoring.phrases import phrased
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.statements import fill, risk_claim, say
from customer_health.scoring.track_words import in_full
from customer_health.signals.fact_rules import Bools, fact_holds, numbers_of
from customer_health.signals.headline_facts import FACTS, Compare, HeadlineFact
from customer_health.signals.signal import Signal

Headline = dict[str, Any]

ENOUGH_CUSTOMERS = 40  # below, a share of them says little about the company
GRAVER_THAN = 0.75  # of the accounts with the fact; beyond it is graver than usual
FACT_STEP = "facts"  # the waterfall's step for what a ceiling takes off


def headlines_of(
    rows: pd.DataFrame,
    thresholds: FactThresholds,
    catalogue: Mapping[str, Signal],
    *,
    as_of: date,
    currency: str = "",
    facts: Iterable[HeadlineFact] = FACTS,
    records: Mapping[str, TrackRecord] | None = None,
) -> list[list[Headline]]:
    """List the headline facts of every account, worst first.

    Args:
        rows: Panel rows of one day, of all its customers; an unknown signal proves nothing.
        thresholds: Section `facts` of the company file.
        catalogue: Signals by name.
        as_of: The day of the rows; part of the evidence.
        currency: Of amounts.
        facts: The declarations; defaults to the project's.
        records: By code, what each fact has cost in the company's history; None where nobody counted.

    Returns:
        Per row, in order of gravity, what has cost customers here first: `code`, `title`, `concept`,
        `signal`, `value`, `limit` (the threshold), `phrase`, `short` (a few words for the Why), `source`
        (table), `as_of` (ISO), `baseline` (words), `decisive` (as declared, until the track record shows that
        it is costly or harmless here), `risk`, `common` (share of the customers that have it, where that
        makes it a finding about the company; else None), `weighs` (whether it counts for the single account),
        and `record` and `record_words` (its track record).
    """
    found: list[list[Headline]] = [[] for _ in range(len(rows))]
    known = records or {}
    for fact in sorted(facts, key=lambda fact: not _costly(fact, known.get(fact.code))):
        limit = getattr(thresholds, fact.code)
        if limit is None or fact.signal not in catalogue:
            continue
        values = numbers_of(rows, fact.signal)
        true, never = fact_holds(rows, fact, thresholds)
        shared = _Shared(fact, float(limit), as_of, known.get(fact.code))
        common, severe = _usual(fact, values, true, never, thresholds.common_share)
        for place in np.flatnonzero(true).tolist():
            short, phrase = _told(fact, catalogue[fact.signal], float(values[place]), currency)
            found[place].append(
                shared.headline(float(values[place]), short, phrase, common, bool(severe[place]))
            )
        if fact.never is not None:
            tenure = numbers_of(rows, "tenure_days")
            for place in np.flatnonzero(never).tolist():
                phrase = fact.never.phrase.format(days=f"{tenure[place]:.0f}")
                found[place].append(shared.headline(1.0, fact.never.words, phrase, common, False))
    return found


def _told(fact: HeadlineFact, signal: Signal, value: float, currency: str) -> tuple[str, str]:
    claim = risk_claim(signal)
    if fact.words:
        short = fill(fact.words, value, currency)
    else:
        short = say(claim, value, currency) if claim is not None else fact.title.lower()
    phrase = fact.phrase.format(value=value) if fact.phrase else phrased(signal, value, currency)
    return short, phrase[0].upper() + phrase[1:]


def _usual(
    fact: HeadlineFact, values: Floats, true: Bools, never: Bools, common_share: float | None
) -> tuple[float | None, Bools]:
    """Tell whether so many have the fact that it is usual here, and for whom it is graver than usual."""
    nobody = np.zeros(len(values), dtype=bool)
    share = float((true | never).mean()) if len(values) else 0.0
    if common_share is None or len(values) < ENOUGH_CUSTOMERS or share <= common_share:
        return None, nobody
    high_is_bad = fact.compare in (Compare.AT_LEAST, Compare.ABOVE)
    bad = values if high_is_bad else -values
    usual = np.quantile(bad[true], GRAVER_THAN) if true.any() else np.inf
    return share, np.asarray(true & (bad > usual))


@dataclass(frozen=True)
class _Shared:
    """What all accounts with one fact share."""

    fact: HeadlineFact
    limit: float
    as_of: date
    record: TrackRecord | None

    def headline(self, value: float, short: str, phrase: str, common: float | None, severe: bool) -> Headline:
        """Return the fact of one account."""
        fact, record = self.fact, self.record
        weighs = common is None or severe or (record is not None and record.costly)
        return {
            "code": fact.code,
            "title": fact.title,
            "concept": fact.concept,
            "signal": fact.signal,
            "value": float(f"{value:.8g}"),  # as signals are kept; the order of a sum moves no digit of it
            "limit": self.limit,
            "phrase": phrase,
            "short": short,
            "source": fact.source,
            "as_of": self.as_of.isoformat(),
            "baseline": fact.baseline.format(limit=f"{self.limit:g}"),
            "decisive": weighs and _decides(fact, record),
            "risk": fact.risk,
            "common": None if common is None else round(common, 4),
            "weighs": weighs,
            "record": None if record is None else record.to_json(),
            "record_words": in_full(record),
        }


def _decides(fact: HeadlineFact, record: TrackRecord | None) -> bool:
    """Whether a fact goes before others: as declared, until it is known what it has cost here."""
    if record is None or not fact.risk:
        return fact.decisive
    return _costly(fact, record) or (fact.decisive and not record.harmless)


def _costly(fact: HeadlineFact, record: TrackRecord | None) -> bool:
    return fact.risk and record is not None and record.costly


def gravity(facts: Iterable[Mapping[str, Any]]) -> int:
    """How much has happened at once: 2 for each decisive fact of risk, 1 for each other one of risk.

    What is usual in the company, and has cost nobody, has not happened to this account.
    """
    return sum(2 if fact["decisive"] else 1 for fact in facts if fact["risk"] and fact.get("weighs", True))


def capped(
    score: Floats,
    attribution: Attribution,
    headlines: Sequence[Sequence[Headline]],
    thresholds: FactThresholds,
) -> tuple[Floats, Attribution]:
    """Hold scores down to the ceilings of their headline facts; what that takes off is a step of its own.

    An account that nobody uses is not healthy, however well its invoices are paid: a model that has seen
    few silent accounts leave, and rules that add up small penalties, would both call it so. Nor is one with
    a fact after which most customers left here, and which no model may read, because it all but tells the
    outcome.
    """
    lower = np.minimum(score, ceilings_of(headlines, thresholds))
    taken = lower - score
    if not taken.any():
        return score, attribution
    concepts = attribution.concepts.assign(**{FACT_STEP: taken})
    return lower, replace(attribution, concepts=concepts)


def ceilings_of(headlines: Iterable[Sequence[Headline] | None], thresholds: FactThresholds) -> Floats:
    """Highest score that the facts of each account allow, 0 to 100."""
    found = [
        min((_ceiling(fact, thresholds) for fact in facts), default=100) if isinstance(facts, list) else 100
        for facts in headlines
    ]
    return np.array(found, dtype=float)


def held_by(facts: Iterable[Headline], thresholds: FactThresholds) -> Headline | None:
    """Return the fact with the lowest ceiling, the worst first; None where no fact has one."""
    bound = [fact for fact in facts if _ceiling(fact, thresholds) < 100]
    return min(bound, key=lambda fact: _ceiling(fact, thresholds), default=None)


def _ceiling(fact: Headline, thresholds: FactThresholds) -> int:
    own = thresholds.ceilings.get(fact["code"], 100)
    record = fact.get("record")
    if thresholds.lost_ceiling is None or not fact["risk"] or not record:
        return own
    return min(own, thresholds.lost_ceiling) if TrackRecord.from_json(record).mostly_lost else own
