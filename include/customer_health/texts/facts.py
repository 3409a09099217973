"""The closed list of facts that a Why or an explanation may be made from: no names, no words of customers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_FACTS = 4


@dataclass(frozen=True)
class FactSheet:
    """What may be said about one account.

    Attributes:
        tier: As people see it.
        healthy: It is the best tier.
        facts: Worst first: reasons and headline facts as the scores hold them.
        renewal_days: Days to the renewal, if there is one.
    """

    tier: str
    healthy: bool
    facts: tuple[Mapping[str, Any], ...]
    renewal_days: int | None

    def closed(self) -> dict[str, Any]:
        """The facts as they go out: an id, what it is about, and our own words with the rounded number."""
        facts = [
            {
                "id": number,
                "concept": str(fact["concept"]),
                "kind": "risk" if _is_risk(fact) else "strength",
                "words": str(fact["short"]),
            }
            for number, fact in enumerate(self.facts, start=1)
        ]
        return {"tier": self.tier, "facts": facts, "renewal_in_days": self.renewal_days}

    def prompt(self) -> str:
        """The closed JSON that is sent."""
        return json.dumps(self.closed(), sort_keys=True)

    def hash(self) -> str:
        """Equal facts have equal words, asked for once."""
        return hashlib.sha256(self.prompt().encode()).hexdigest()


def fact_sheet(
    *,
    tier: str,
    best: str,
    reasons: Sequence[Mapping[str, Any]],
    headlines: Sequence[Mapping[str, Any]] = (),
    renewal_days: float | None = None,
) -> FactSheet | None:
    """Choose what may be said: headline facts first, then what costs most, then strengths; None if nothing.

    Args:
        tier: As people see it.
        best: Name of the best tier.
        reasons: As `reasons_for` lists them.
        headlines: Headline facts, worst first.
        renewal_days: Context; only a renewal ahead within 90 days is mentioned.
    """
    chosen = list[Mapping[str, Any]]()
    told = set[str]()
    risks = [one for one in reasons if float(one.get("points") or 0) < 0]
    strengths = [one for one in reasons if float(one.get("points") or 0) > 0]
    for one in [*headlines, *risks, *(strengths if tier == best else [])]:
        if one.get("short") and one["short"] not in told and len(chosen) < MOST_FACTS:
            chosen.append(one)
            told.add(str(one["short"]))
    if not chosen:
        return None
    near = renewal_days is not None and 0 <= renewal_days <= 90
    return FactSheet(tier, tier == best, tuple(chosen), int(renewal_days or 0) if near else None)


def _is_risk(fact: Mapping[str, Any]) -> bool:
    return bool(fact["risk"]) if "risk" in fact else float(fact.get("points") or 0) < 0
