"""A few sentences that explain a score to the person who looks after the account, by template.

What weighs most, what grave facts beside a good score have cost here, what moved since the last reading,
and what lies ahead. A language model may word the same
facts; this is what stands where none does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.scoring.statements import renewal_words
from customer_health.scoring.tiers import scheme_named
from customer_health.scoring.track_words import why_still_high
from customer_health.wording import day

MOST_TOLD = 3
_MOVED = 5  # shown points from which a change is worth a sentence
_NEAR = 120  # days to the renewal


def explain(row: Mapping[str, Any], days_to_renewal: float | None) -> str | None:
    """Return the explanation of a scored row, or None where there is nothing to explain.

    Args:
        row: With `tier`, `score_shown`, `reasons`, `change`, and `facts` if headline facts are known.
        days_to_renewal: Days, if there is a renewal ahead.
    """
    told = _told(row)
    if not told:
        return None
    despite = row["tier"] == scheme_named("four_tier").best and _speaks_against(row)
    opening = f"{row['tier']} at {int(row['score_shown'])}" + (" despite this: " if despite else ": ")
    sentences = [f"{opening}{_listed(told)}."]
    facts = row.get("facts") or ()
    if any(fact.get("clause") for fact in facts):
        sentences.append(why_still_high(facts))
    if moved := _moved(row.get("change")):
        sentences.append(moved)
    if days_to_renewal is not None and 0 <= days_to_renewal <= _NEAR:
        words = renewal_words(days_to_renewal)
        sentences.append(f"{words[0].upper()}{words[1:]}.")
    return " ".join(sentences)


def _speaks_against(row: Mapping[str, Any]) -> bool:
    """Whether what is told first are facts of risk, or reasons that cost points."""
    costs = any(float(one.get("points") or 0) < 0 for one in row["reasons"])
    return costs or any(fact.get("risk", True) for fact in row.get("facts") or ())


def _told(row: Mapping[str, Any]) -> list[str]:
    """Phrases, worst first: headline facts, then what costs points, else what speaks for the account."""
    reasons: Sequence[Mapping[str, Any]] = row["reasons"]
    risks = [one for one in reasons if float(one.get("points") or 0) < 0]
    chosen = [*(row.get("facts") or ()), *risks]
    chosen = chosen or [one for one in reasons if float(one.get("points") or 0) > 0]
    phrases = dict.fromkeys(str(one["phrase"]) for one in chosen if one.get("phrase"))
    signals = dict[str, str]()
    for one in chosen:  # a fact and a reason about the same signal say the same
        signals.setdefault(str(one.get("signal")), str(one.get("phrase") or ""))
    return [phrase for phrase in phrases if phrase in signals.values()][:MOST_TOLD]


def _listed(phrases: Sequence[str]) -> str:
    parts = [
        phrase if re.match(r"[A-Z]{2}", phrase) else phrase[0].lower() + phrase[1:] for phrase in phrases
    ]
    parts = [part.rstrip(".") for part in parts]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _moved(change: Mapping[str, Any] | None) -> str | None:
    if not change or abs(int(change["delta"])) < _MOVED:
        return None
    verb = "fell" if change["delta"] < 0 else "rose"
    led = next((str(step["concept"]) for step in change.get("moved") or ()), "")
    mostly = f", mostly {led}" if led and led not in ("start", "limit") else ""
    return (
        f"The score {verb} by {abs(int(change['delta']))} points since {day(str(change['since']))}{mostly}."
    )
