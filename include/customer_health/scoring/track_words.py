"""A fact's track record in words: in full beside the fact, in brief in the Why and in its explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.model.data.track_record import TrackRecord
from customer_health.wording import percent, plural

MOST_TOLD = 3  # facts of one explanation
MANY = 100  # cases from which a percentage says more than two numbers


def in_full(record: TrackRecord | None) -> str:
    """Say what a fact has cost here; empty where nobody counted it."""
    if record is None:
        return ""
    if not record.times:
        return "never before here"
    before = "once before" if record.times == 1 else f"{record.times:,} times before"
    left = "none" if not record.lost else f"{record.lost:,}"
    if not record.known:
        return f"too few to say: {before}, {left} left"
    beside = "" if record.comparable is None else f"; comparable customers {percent(record.comparable)}"
    costs = ": it has cost customers here" if record.costly else ""
    return f"{before}, {left} left at their decision ({percent(record.share)}{beside}){costs}"


def in_brief(record: TrackRecord) -> str:
    """The same in at most four words, for the Why."""
    if record.times >= MANY:
        beside = "" if record.comparable is None else f" vs {percent(record.comparable)}"
        return f"{percent(record.share)} left{beside}"
    if record.known:
        return f"{record.lost} of {record.times} left"
    if not record.times:
        return "first time here"
    return "only once before" if record.times == 1 else f"only {record.times} times before"


def fragment_of(one: Mapping[str, Any]) -> str:
    """The fragment of a fact or a reason for the Why, with its track record where it carries one."""
    short, clause = str(one["short"]), one.get("clause")
    return f"{short} ({clause})" if clause else short


def why_still_high(facts: Sequence[Mapping[str, Any]]) -> str:
    """Say in a sentence why a score stays where it is beside decisive facts: what they have cost here.

    Args:
        facts: Headline facts, worst first.

    Returns:
        Empty where no decisive fact of risk has a track record.
    """
    told = [one for one in facts if one["decisive"] and one["risk"] and one.get("record")]
    if not told:
        return ""
    records = [(str(one["title"]).lower(), TrackRecord.from_json(one["record"])) for one in told[:MOST_TOLD]]
    priced = [f"{title}, {_brief_share(record)}" for title, record in records if record.known]
    rare = [title for title, record in records if not record.known]
    said = [f"What this has meant here is in the score: {'; '.join(priced)}."] if priced else []
    said += [f"Too rare here to be priced: {', '.join(rare)}."] if rare else []
    return " ".join(said)


def _brief_share(record: TrackRecord) -> str:
    beside = "" if record.comparable is None else f", comparable {percent(record.comparable)}"
    return f"{record.lost:,} of {record.times:,} left ({percent(record.share)}{beside})"


def common_words(share: float | None) -> str:
    """Say that a fact is a matter of the whole company; empty where it is not."""
    return "" if share is None else f"{percent(share)} of customers have it"


def company_wide(facts_of_accounts: Sequence[Sequence[Mapping[str, Any]] | None]) -> list[dict[str, Any]]:
    """List the facts that so many customers of the day have that they are no single account's headline.

    Args:
        facts_of_accounts: Headline facts per customer.

    Returns:
        `code`, `title`, `share` (0 to 1) and `accounts`, the most frequent first.
    """
    found: dict[str, dict[str, Any]] = {}
    for facts in facts_of_accounts:
        for one in facts if isinstance(facts, list) else ():
            if (share := one.get("common")) is None:
                continue
            kept = found.setdefault(one["code"], {name: one[name] for name in ("code", "title")})
            kept["share"], kept["accounts"] = share, kept.get("accounts", 0) + 1
    return sorted(found.values(), key=lambda one: (-one["share"], one["code"]))


def company_wide_words(found: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about them; empty where there are none."""
    if not found:
        return ""
    listed = "; ".join(
        f"{str(one['title']).lower()}, {percent(one['share'])} of customers" for one in found[:MOST_TOLD]
    )
    more = len(found) - MOST_TOLD
    rest = f"; and {plural(more, 'more fact')}" if more > 0 else ""
    return f"Company-wide, so no single account's headline: {listed}{rest}."
