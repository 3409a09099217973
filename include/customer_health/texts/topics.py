"""What a message is about, and what it asks for: rules of words, each with a confidence.

The rules are for plain cases ("we want to cancel our subscription"); `topics.yaml` holds them. What they do
not find is not there for them, which is not the same as not meant: a language model reads more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal, get_args

import yaml

Reason = Literal[
    "missing_feature", "price", "reliability", "support", "champion_change", "competitor",
    "no_longer_needed", "merger",
]  # fmt: skip
Intent = Literal["asks_to_cancel", "asks_for_export", "asks_for_discount", "names_competitor"]
REASONS: tuple[str, ...] = get_args(Reason)
INTENTS: tuple[str, ...] = get_args(Intent)
NEGATIVE = 0.45  # a text below this sounds negative


@dataclass(frozen=True)
class _Rule:
    confidence: float
    only_negative: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class _Topic:
    rules: tuple[_Rule, ...]
    never: re.Pattern[str] | None


def find_topics(
    text: str, sentiment: float | None, competitors: Sequence[str] = ()
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the reasons that a text gives and the intents that it states, with confidence 0 to 1.

    Args:
        text: An English text.
        sentiment: As scored; weak words count only where it is negative.
        competitors: Names of the company's competitors, as its file lists them.
    """
    plain = " ".join(text[:4_000].replace("’", "'").lower().split())
    negative = sentiment is not None and sentiment < NEGATIVE
    reasons, intents = _compiled()
    found = {name: value for name, topic in reasons.items() if (value := _confidence(topic, plain, negative))}
    meant = {name: value for name, topic in intents.items() if (value := _confidence(topic, plain, negative))}
    named = _named(plain, tuple(competitors))
    if named:
        meant["names_competitor"] = max(0.9, meant.get("names_competitor", 0.0))
        found["competitor"] = max(0.9, found.get("competitor", 0.0))
    return found, meant


def _confidence(topic: _Topic, plain: str, negative: bool) -> float:
    text = topic.never.sub(" ", plain) if topic.never else plain
    return max(
        (
            rule.confidence
            for rule in topic.rules
            if (negative or not rule.only_negative) and rule.pattern.search(text)
        ),
        default=0.0,
    )


def _named(plain: str, competitors: tuple[str, ...]) -> bool:
    return any(
        re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", plain) for name in competitors if name.strip()
    )


@lru_cache(maxsize=1)
def _compiled() -> tuple[Mapping[str, _Topic], Mapping[str, _Topic]]:
    content = yaml.safe_load(resources.files(__package__).joinpath("topics.yaml").read_text(encoding="utf-8"))
    reasons = {name: _Topic(_rules(content["reasons"][name]), None) for name in REASONS}
    intents = {
        name: _Topic(_rules(content["intents"][name]["rules"]), _any_of(content["intents"][name]["never"]))
        for name in INTENTS
    }
    return reasons, intents


def _rules(lines: str) -> tuple[_Rule, ...]:
    rules = []
    for line in lines.strip().splitlines():
        confidence, _, pattern = line.strip().partition(" ")
        rules.append(
            _Rule(float(confidence.rstrip("?")), confidence.endswith("?"), re.compile(pattern.strip()))
        )
    return tuple(rules)


def _any_of(lines: str) -> re.Pattern[str] | None:
    patterns = [f"(?:{line.strip()})" for line in lines.strip().splitlines()]
    return re.compile("|".join(patterns)) if patterns else None
