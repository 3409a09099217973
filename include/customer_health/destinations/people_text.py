"""People at a customer in words: who they are, when we last spoke, how often they use the product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_health.destinations.safe_text import clean
from customer_health.wording import day

MOST_OF_OURS = 2
KINDS = {"call": "a call", "meeting": "a meeting", "ebr": "a business review", "email_reply": "an e-mail"}


def lines(graph: Mapping[str, Any]) -> Iterator[str]:
    """Yield the likeliest successors, or the people known, one line each; then who of ours knows them."""
    if chosen := graph.get("successors"):
        yield "Likeliest successors, of those we know:"
        yield from (f"- {one(person)}" for person in chosen)
    elif people := [person for person in graph.get("people", ()) if person["state"] != "left"]:
        yield "People we know:"
        yield from (f"- {one(person)}" for person in people[:5])
    else:
        yield "Nobody there is known to us: ask in support tickets and in the product who answers."
    for person in graph.get("people", ()):
        if person["state"] == "left" and person["role"] in ("sponsor", "champion"):
            yield f"- {gone(person)}"
    yield from (f"- Of ours: {met(ours)}" for ours in graph.get("ours", ()))


def gone(person: Mapping[str, Any]) -> str:
    """Return a person who left, in one line."""
    return f"Left on {day(person['left'])}: {who(person)}"


def met(ours: Mapping[str, Any]) -> str:
    """Return when somebody of ours met the account, and will, in one line."""
    last = f"met them on {day(ours['last'])}" if ours["last"] else "has not met them yet"
    coming = f", meets them on {day(ours['next'])}" if ours["next"] else ""
    return f"{clean(ours['email'], 80)} {last}{coming}"


def one(person: Mapping[str, Any]) -> str:
    """Return a person in one line."""
    days = person["days_since"]
    if days is None:
        said = "never spoken with us"
    else:
        kind = KINDS.get(str(person["last_kind"]), str(person["last_kind"]))
        said = f"last two-way contact {days} day{'' if days == 1 else 's'} ago ({kind})"
    if person["active_days"] is not None:
        said += f"; active on {person['active_days']} of 30 days"
    for ours in (person.get("known_by") or ())[:MOST_OF_OURS]:
        said += f"; met {clean(ours['email'], 80)} on {day(ours['last'])}"
    return f"{who(person)}: {person['state']}; {said}"


def who(person: Mapping[str, Any]) -> str:
    """Return name, title, team, role and id; a contact without name and title is known by its id."""
    parts = [
        clean(person["team"] or "", 40),
        clean(person["role"] or "", 20),
        clean(person["contact_id"], 60),
    ]
    named = f"{clean(person['name'], 80)}, " if person.get("name") else ""
    title = clean(person["title"] or "title unknown", 80)
    return f"{named}{title} ({', '.join(part for part in parts if part)})"
