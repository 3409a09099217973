"""From a signal's value to words that are true of it.

A model can charge an account for any signal; a sentence about it is published only if its claim holds.
"Usage down 30%" needs a fall, whatever the model thought of it. The claims are in `claims.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from string import Formatter

from customer_health.scoring.claims import NO_STRENGTH, RISKS, STRENGTHS, Claim
from customer_health.signals.signal import Direction, Signal
from customer_health.wording import money

_INITIALS = frozenset({"arr", "csat", "ebr", "nps", "sla"})


def _in_words(code: str) -> str:
    """Write a reason code as people do: late_ebr is a late EBR."""
    return " ".join(word.upper() if word in _INITIALS else word for word in code.split("_"))


def risk_claim(signal: Signal) -> Claim | None:
    """The claim a bad value of this signal makes; None if the signal has no reason code.

    A signal with a code that is unknown here is compared with the portfolio, in the code's own words.
    """
    if not signal.reason_code:
        return None
    stated = RISKS.get(signal.name) or RISKS.get(signal.reason_code)
    if stated is None:
        return Claim(signal.reason_code, _in_words(signal.reason_code), against_median=True)
    # Playbooks match the code that the catalogue declares.
    return replace(stated, code=signal.reason_code)


def strength_claim(signal: Signal) -> Claim | None:
    """The claim a good value of this signal makes; None if it makes none."""
    if not signal.reason_code or signal.reason_code in NO_STRENGTH:
        return None
    stated = STRENGTHS.get(signal.name) or STRENGTHS.get(signal.reason_code)
    if stated is None:
        concept = str(signal.concept)
        return Claim(f"good_{concept}", f"{concept} better than most", against_median=True)
    return stated


@cache
def placeholders(signal_name: str, code: str) -> frozenset[str]:
    """The placeholders with which statements about this signal are printed; empty if none is known."""
    words = " ".join(
        claim.words
        for table in (RISKS, STRENGTHS)
        for key, claim in table.items()
        if key == signal_name or (signal_name not in table and code in (key, claim.code))
    )
    return frozenset(name for name in ("percent", "count", "decimal", "money") if "{" + name + "}" in words)


# "1 tickets", or "1 urgent tickets": a plural noun behind the number, with one word between them at most.
_ONE_OF_MANY = re.compile(r"(?<![\d.,])1 ((?!of\b|in\b|per\b)[a-z-]*[a-rt-z] )?([a-z]+[a-hj-rtv-z])s\b")
_ONE_THAT = re.compile(r"(?<![\d.,])(1 \w+ that) (ask|speak)\b")
_ONE_OF_PEOPLE = re.compile(r"(?<![\d.,])1 people\b")


def singular(text: str) -> str:
    """Say one ticket where the count is 1: the catalogue's phrases are written in the plural."""
    if "1 " not in text:
        return text
    one = _ONE_OF_PEOPLE.sub("1 person", _ONE_OF_MANY.sub(r"1 \1\2", text))
    return _ONE_THAT.sub(r"\1 \2s", one)


def renewal_words(days: float) -> str:
    """When the renewal is due, in at most four words."""
    count = rounded(days)
    if days < 0:
        return "renewal date has passed"
    return "renewal today" if count == "0" else singular(f"renewal in {count} days")


def rounded(value: float, digits: int = 0) -> str:
    """The size of a value as text, rounded half up, without its sign."""
    scale = 10**digits
    size = math.floor(abs(value) * scale + 0.5) / scale
    return f"{size:.{digits}f}"


# Every way in which a value may be printed, by the name of its placeholder.
_WAYS: Mapping[str, Callable[[float], str]] = {
    "percent": lambda value: rounded(value * 100) + "%",
    "count": rounded,
    "decimal": lambda value: rounded(value, 1),
    "money": lambda value: money(abs(value)),
    "s": lambda value: "" if rounded(value) == "1" else "s",
}


def numbers_of(value: float, wanted: Collection[str] = ()) -> dict[str, str]:
    """A value in every way in which it may be printed, or in those that are wanted, by placeholder."""
    return {name: way(value) for name, way in _WAYS.items() if name != "s" and (not wanted or name in wanted)}


def say(claim: Claim, value: float, currency: str = "") -> str:
    """The claim's fragment with the rounded value in it, or its words for nothing at all."""
    return fill(claim.none if claim.none and value == 0 else claim.words, value, currency)


def fill(words: str, value: float, currency: str = "") -> str:
    """Fill a fragment with the rounded value; amounts carry their currency."""
    numbers = {name: _WAYS[name](value) for name in _placeholders(words)}
    if "money" in numbers:
        numbers["money"] = money(abs(value), currency)
    return words.format(**numbers)


@cache
def _placeholders(words: str) -> tuple[str, ...]:
    """What a fragment asks for: a portfolio says the same few fragments millions of times."""
    return tuple({name for _, name, _, _ in Formatter().parse(words) if name})


def codes_of(signal: Signal, claim: Claim, value: float) -> tuple[str, ...]:
    """The reason codes of a risk: that of its grave form first, where the value is as bad as that."""
    grave = signal.grave
    if grave is None:
        return (claim.code,)
    lower = signal.direction is Direction.LOWER_IS_HEALTHIER
    bad = value >= grave.beyond if lower else value <= grave.beyond
    return (grave.reason_code, claim.code) if bad else (claim.code,)
