"""The Why: at most ten words that say what the score is about, and the check that they are true.

The template needs no language model and is always available. The check holds for every Why, no matter
who wrote it: each number is a rounded signal value, each subject has a fact behind it, nothing is predicted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.model.data.track_record import TrackRecord
from customer_health.model.registry.champion import NEAR
from customer_health.scoring.attribution import CALENDAR, SMOOTHING
from customer_health.scoring.statements import numbers_of, placeholders, renewal_words
from customer_health.scoring.track_words import fragment_of, in_brief
from customer_health.signals.signal import Concept

MAX_WORDS = 10
HEAVY = 10.0  # points; a Why leaves out the track record rather than a reason that costs so much
MIN_POINTS = 1.0  # below one point the shown score would not differ
CONCEPTS = frozenset(str(concept) for concept in Concept) - {CALENDAR}
NOTHING_STANDS_OUT = "No single risk stands out"
EARLIER_READINGS = "earlier readings still weigh on the score"
DESPITE = "Healthy despite "
HEALTHY = "Healthy; no warning sign stands out"
NOTICE_GIVEN = "Customer gave notice; scoring has stopped"
NO_DATA = "Not scored: no signal is known yet"
BROKEN_DATA = "Not scored: its data gave no usable prediction"

_PREDICTING = re.compile(
    r"\b(will|churn\w*|cancel\w*|leaving|lost|lose|losing|guarantee\w*|certain\w*|definite\w*|surely|doomed)\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"^(ask|book|call|contact|email|escalate|fix|meet|offer|please|reach|schedule|send|visit|watch|write)\b"
)
_ALLOWED = re.compile(r"[A-Za-z0-9 %;:,.'/+$€£¥-]*")
_PLAIN = ("percent", "count", "decimal")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:%|[KMB]\b)?")
_DOWN = re.compile(r"\b(below|down|falling|fell|declin\w+|dropp?\w*|shrinking)\b", re.IGNORECASE)
_UP = re.compile(r"\b(above|up|rising|rose|growing|grew)\b", re.IGNORECASE)
_SUBJECTS: Mapping[str, frozenset[str]] = {
    word: frozenset(concepts.split())
    for words, concepts in {
        "usage seats": "usage support commercial",
        "users adoption login logins": "usage support",
        "ticket tickets escalation escalations": "support usage",
        "support": "support sentiment usage",
        "sentiment nps csat": "sentiment support",
        "sponsor champion exec ebr contact contacts conversation conversations": "relationship",
        "invoice invoices payment payments overdue": "billing",
        "arr contract": "commercial",
        "renewal": "calendar",
    }.items()
    for word in words.split()
}

Fact = Mapping[str, Any]


def too_little_known(missing: str) -> str:
    """Say that nobody can tell, and what is missing."""
    return f"Too little known: {missing} data missing" if missing else "Too little known"


def renewal_fact(days: float) -> dict[str, Any]:
    """The calendar as a fact: context for a Why, never a reason."""
    return {"code": "renewal_near", "concept": "calendar", "signal": "days_to_renewal", "value": days}


def why(
    reasons: Sequence[Fact],
    *,
    healthy: bool,
    days_to_renewal: float | None = None,
    steps: Mapping[str, float] | None = None,
    facts: Sequence[Fact] = (),
) -> str:
    """Write the Why of a scored account by template.

    A healthy account gets what speaks for it, and is called healthy, so that a list of risks that names
    it for its size cannot pass a good sign off as a danger. Where a headline fact of risk holds, or a reason
    costs more than any strength brings, it gets that instead. Any other gets what costs it most, then the
    facts that cost nothing; the worst decisive ones take precedence. A renewal that is near comes last, as
    the date is nobody's reason. If nothing is to blame, it says what pulls the score down instead.

    Args:
        reasons: As `reasons_for` lists them.
        healthy: The account is in the best tier.
        days_to_renewal: Whole days, if there is a renewal ahead.
        steps: Points by step of the waterfall.
        facts: Headline facts, worst first, as `headlines_of` lists them.
    """
    charged = [reason for reason in reasons if reason["points"] < 0]
    risks = _worst_first(charged, facts)
    strengths = [str(reason["short"]) for reason in reasons if reason["points"] > 0]
    if healthy:
        if despite := _despite(reasons, facts):
            return _join(despite, opening=DESPITE)
        return _join(strengths, opening="Healthy: ") if strengths else HEALTHY
    said = risks or _unsaid(steps or {})
    if days_to_renewal is not None and 0 <= days_to_renewal <= NEAR:
        said = [*said, renewal_words(days_to_renewal)]
    return _join(said)


def _despite(reasons: Sequence[Fact], facts: Sequence[Fact]) -> list[str]:
    """Fragments of what an account is healthy in spite of.

    The worst decisive headline fact comes first; then other facts of risk and the reasons that cost more than
    any strength brings, by what they cost.
    """
    happened = [fact for fact in facts if fact["risk"]]
    said = {name for fact in happened for name in (fact["signal"], fact["code"])}
    best = max((float(reason["points"]) for reason in reasons), default=0.0)
    heavy = [
        reason
        for reason in reasons
        if -float(reason["points"]) > max(best, 0.0) and not {reason["signal"], reason["code"]} & said
    ]
    decisive = [fact for fact in happened if fact["decisive"]]
    rest = [*decisive[1:], *(fact for fact in happened if not fact["decisive"]), *heavy]
    rest.sort(key=lambda one: -cost_of(one, reasons))
    return [fragment_of(one) for one in [*decisive[:1], *rest]]


def with_record(
    facts: Sequence[Fact], reasons: Sequence[Fact] = (), *, healthy: bool
) -> list[dict[str, Any]]:
    """Return the facts, the worst decisive one of risk with its track record as a clause, if a Why holds it.

    For rows whose score does not follow what happened: the reader asks why, and the answer is what such facts
    have cost here. Where another reason weighs `HEAVY` points, the clause stands only beside it.
    """
    found = [dict(fact) for fact in facts]
    worst = next((fact for fact in found if fact["decisive"] and fact["risk"]), None)
    if worst is not None and worst.get("record"):
        clause = in_brief(TrackRecord.from_json(worst["record"]))
        opening = DESPITE if healthy else ""
        told = [f"{worst['short']} ({clause})", *_heaviest(reasons, worst)]
        if len(f"{opening}{'; '.join(told)}".split()) <= MAX_WORDS:
            worst["clause"] = clause
    return found


def _heaviest(reasons: Sequence[Fact], beside: Fact) -> list[str]:
    """Fragment of the reason that costs most, if it costs very much and says something else."""
    most = min(reasons, key=lambda one: float(one["points"]), default=None)
    if most is None or -float(most["points"]) < HEAVY:
        return []
    same = {most["signal"], most["code"]} & {beside["signal"], beside["code"]}
    return [] if same else [str(most["short"])]


def cost_of(one: Fact, reasons: Sequence[Fact]) -> float:
    """Points that a headline fact or a reason costs, by the reason that says the same; 0 if none does."""
    said = {one["signal"], one["code"]}
    return max(
        (-float(each["points"]) for each in reasons if {each["signal"], each["code"]} & said), default=0.0
    )


def _worst_first(charged: Sequence[Fact], facts: Sequence[Fact]) -> list[str]:
    """Fragments in the order in which they are told.

    The model's reasons come in the order of their points, with the facts that it does not charge behind
    them. Where that would leave out the worst decisive fact, it comes first. A fact and the reason that says
    the same are told once.
    """
    said = {name: fragment_of(fact) for fact in facts for name in (fact["signal"], fact["code"])}
    model = [
        said.get(reason["signal"]) or said.get(reason["code"]) or str(reason["short"]) for reason in charged
    ]
    everything = list(dict.fromkeys([*model, *map(fragment_of, facts)]))
    worst = [fragment_of(fact) for fact in facts if fact["decisive"]][:1]
    told = _fitting(everything) if everything else []
    if set(worst) <= set(told):
        return everything
    return list(dict.fromkeys([*worst, *everything]))


def _unsaid(steps: Mapping[str, float]) -> list[str]:
    """What pulls a score down where no signal can be named."""
    weak = [name for name in steps if name in CONCEPTS and steps[name] <= -MIN_POINTS]
    if weak:
        return [f"{min(weak, key=lambda name: steps[name])} pulls the score down"]
    if steps.get(SMOOTHING, 0.0) <= -MIN_POINTS:
        return [EARLIER_READINGS]
    return [NOTHING_STANDS_OUT]


def _join(fragments: Sequence[str], opening: str = "") -> str:
    """Chain fragments up to three, whole ones only, within the word limit."""
    text = opening + "; ".join(_fitting(fragments, opening))
    return text[0].upper() + text[1:]


def _fitting(fragments: Sequence[str], opening: str = "") -> list[str]:
    """The first fragments, up to three, that the word limit has room for; at least one."""
    chosen = [fragments[0]]
    for following in fragments[1:3]:
        if len(f"{opening}{'; '.join([*chosen, following])}".split()) > MAX_WORDS:
            break
        chosen.append(following)
    return chosen


def validate_why(text: str, facts: Sequence[Fact]) -> tuple[str, ...]:
    """Check a Why against the facts it was made from.

    Args:
        text: The Why.
        facts: Reasons, or anything with `concept`, `signal`, `code` and `value`.

    Returns:
        What is wrong, one sentence each; empty if it may be published.
    """
    problems = []
    words = text.split()
    if not words:
        return ("It is empty.",)
    if len(words) > MAX_WORDS:
        problems.append(f"It has {len(words)} words; {MAX_WORDS} are allowed.")
    text = _without_records(text, facts)
    if not _ALLOWED.fullmatch(text):
        problems.append("It holds a character that may be markup, a link or an address.")
    if re.search(r"https?:|www\.|\.(com|net|org|io)\b", text, re.IGNORECASE):
        problems.append("It holds a link.")
    if found := _PREDICTING.search(_beyond_facts(text, facts)):
        problems.append(f"It predicts: '{found.group()}'.")
    concepts = {str(fact["concept"]) for fact in facts}
    for clause in re.split(r"[;,.]\s+|;", text):
        tokens = re.findall(r"[A-Za-z]+", clause.lower())
        if tokens and _ORDERS.match(tokens[0]):
            problems.append(f"It gives an order: '{tokens[0]}'.")
        problems += [
            f"It speaks of {token}, and no fact does."
            for token in tokens
            if token in _SUBJECTS and not _SUBJECTS[token] & concepts
        ]
        problems += _unfaithful(clause, facts)
    return tuple(problems)


def _without_records(text: str, facts: Sequence[Fact]) -> str:
    """The text without the track records that facts carry: they count customers, not signals."""
    for one in facts:
        if one.get("clause"):
            text = text.replace(f"{one['short']} ({one['clause']})", str(one["short"]))
            text = text.replace(f" ({one['clause']})", "")  # at the beginning the short is capitalised
    return text


def _beyond_facts(text: str, facts: Sequence[Fact]) -> str:
    """The text without what facts say word for word: "asked to cancel" is not a prediction where they did."""
    for short in (str(fact.get("short") or "") for fact in facts):
        if short:
            text = re.sub(re.escape(short), " ", text, flags=re.IGNORECASE)
    return text


def _unfaithful(clause: str, facts: Sequence[Fact]) -> list[str]:
    """Numbers of a clause that are not fact's rounded value, or whose direction is the wrong way round."""
    problems = []
    for number in _NUMBER.findall(clause):
        sources = [fact for fact in facts if _prints(fact, number)]
        if not sources:
            problems.append(f"The number {number} is not a fact.")
        elif number.endswith("%") and not any(_same_direction(clause, fact["value"]) for fact in sources):
            problems.append(f"The number {number} goes the other way.")
    return problems


def _prints(fact: Fact, number: str) -> bool:
    """Whether a number may stand for a fact's value; an amount, the dearest to print, is tried last."""
    kinds = placeholders(str(fact["signal"]), str(fact["code"]))
    value = float(fact["value"])
    plain = [kind for kind in kinds if kind != "money"] if kinds else _PLAIN
    if plain and number in numbers_of(value, plain).values():
        return True
    asked = ("money" in kinds or not kinds) and not number.endswith("%")
    return asked and number == numbers_of(value, ("money",))["money"]


def _same_direction(clause: str, value: float) -> bool:
    if _DOWN.search(clause):
        return value < 0
    return value > 0 or not _UP.search(clause)
