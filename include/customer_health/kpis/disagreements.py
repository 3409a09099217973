"""Where the score, the CSM and the money tell opposite stories of one account: the largest ARR first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Engine

from customer_health.ledger import overrides, pulses, scores
from customer_health.scoring.tiers import scheme_named, tier_of
from customer_health.wording import money

BAD, SO_SO, GOOD = 0, 1, 2
WORDS = ("in danger", "so-so", "fine")
PULSE = "csm_pulse"  # the signal: the newest of 90 days in the table csm_pulses
COMMERCIAL = ("commercial", "billing")  # concepts whose headline facts speak for the money


@dataclass(frozen=True)
class Disagreement:
    """One account of which at least two voices say the opposite.

    Attributes:
        account_id: The account.
        name: As people call it.
        arr: In `currency`; None where it is unknown.
        currency: ISO code.
        voices: What each voice says, in its own words: score, CSM, money.
        gap: Distance between the two farthest voices, 2 at most.
    """

    account_id: str
    name: str
    arr: float | None
    currency: str | None
    voices: Mapping[str, str]
    gap: int

    def line(self) -> str:
        """Return it as a person reads it."""
        said = "; ".join(f"{who}: {words}" for who, words in self.voices.items())
        return f"{self.name} ({self.account_id}, {money(self.arr, self.currency)}): {said}"


def disagreements(engine: Engine, as_of: date) -> list[Disagreement]:
    """Return the accounts whose voices are opposed on a published day, the largest ARR first.

    The score speaks by its band. The CSM speaks by the override in force, else by a pulse that is not older
    than 90 days: one given here, else the one that the company's own tool brought. The money speaks by
    headline facts of contract and billing, and by ARR that grew or shrank.
    A voice that has nothing to say is silent; a single voice disagrees with nobody.
    """
    told = overrides.in_force(engine, as_of)
    felt = pulses.newest(engine, datetime.combine(as_of + timedelta(days=1), time(), UTC))
    signals = scores.signals_of(engine, as_of)
    found = []
    for row in scores.of(engine, as_of).to_dict("records"):
        if row["state"] != "scored":
            continue
        account = str(row["account_id"])
        known = signals.get(account, {})
        voices = {"score": (_band(int(row["score_shown"])), f"{int(row['score_shown'])}, {row['tier']}")}
        if account in told:
            one = told[account]
            voices["CSM"] = (_tier(one["tier"]), f"{one['tier']} ({one['owner']}: {one['reason']})")
        elif account in felt:
            feels = felt[account]
            voices["CSM"] = (_pulse(feels["pulse"]), f"pulse {feels['pulse']} of 5 ({feels['by']})")
        elif (brought := known.get(PULSE)) is not None:
            voices["CSM"] = (_pulse(round(brought)), f"pulse {brought:g} of 5")
        if (paid := _money(row, known)) is not None:
            voices["money"] = paid
        gap = max(place for place, _ in voices.values()) - min(place for place, _ in voices.values())
        if gap == GOOD - BAD:
            arr = row["arr"] if row["arr"] == row["arr"] else None
            said = {who: f"{WORDS[place]} ({words})" for who, (place, words) in voices.items()}
            name = str(row["name"] or account)
            found.append(Disagreement(account, name, arr, row["currency"] or None, said, gap))
    return sorted(found, key=lambda one: (-(one.arr or 0.0), one.account_id))


def _band(score: int) -> int:
    return scheme_named("rag").names.index(tier_of(score, "rag"))


def _tier(name: str) -> int:
    """Place a tier of any scheme by its lowest score."""
    for scheme in ("four_tier", "rag", "aligned"):
        for tier in scheme_named(scheme).tiers:
            if tier.name == name:
                return _band((tier.lowest + tier.highest) // 2)
    return SO_SO


def _pulse(pulse: int) -> int:
    return BAD if pulse <= 2 else SO_SO if pulse == 3 else GOOD


def _money(row: Mapping[Any, Any], signals: Mapping[str, float]) -> tuple[int, str] | None:
    facts = row["facts"] if isinstance(row["facts"], list) else []
    bad = [str(fact["short"]) for fact in facts if fact["concept"] in COMMERCIAL and fact["risk"]]
    if bad:
        return BAD, bad[0]
    change = signals.get("arr_change_12m")
    if not change:
        return None
    grew = "grew" if change > 0 else "shrank"
    return (GOOD if change > 0 else BAD), f"ARR {grew} by {money(abs(change), row['currency'] or None)}"
