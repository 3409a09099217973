"""Whom a letter to a customer is for, and how it greets them. To whom it goes is the sender's to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.playbooks.champion_graph import DECIDES, Person
from customer_health.playbooks.steps import CreateTask, DraftEmail, Step

GREETS = "Hello"
_ADD = "add the name to the greeting before you send it."
_LONGEST = 60  # a longer "name" is a sentence that somebody wrote into the field


def recipient_of(graph: Mapping[str, Any] | None) -> Person | None:
    """Return the person a letter is for, of those who are still there; None where nobody fits.

    A sponsor (the economic buyer), else a champion, else an executive, else whoever spoke with us last; of
    several the one who did so most recently. Somebody who never spoke and decides nothing is not written to.

    Args:
        graph: The account's champion graph; None if nobody looked.
    """
    people: Sequence[Person] = (graph or {}).get("people", ())
    here = [person for person in people if person["state"] != "left"]
    for fits in (_is_sponsor, _is_champion, _is_executive, _has_spoken):
        if found := [person for person in here if fits(person)]:
            return min(found, key=_by_last_word)
    return None


def addressed(graph: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a letter's payload says of its reader: who it is, how it greets, what the sender must know.

    The contact's id goes along so that erasing the person finds the letter.
    """
    person = recipient_of(graph)
    name = None if person is None else greeting_name(person)
    return {
        "recipient": person
        and {key: person.get(key) for key in ("contact_id", "name", "first_name", "title", "role")},
        "greeting": f"{GREETS} {name}," if name else f"{GREETS},",
        "for_whom": _for_whom(person, name),
    }


def greeting_name(person: Mapping[str, Any]) -> str | None:
    """Return the given name, else the whole one; None where neither can stand in a greeting."""
    for name in (person.get("first_name"), person.get("name")):
        if name and len(name) <= _LONGEST and name.isprintable() and not set(name) & set("@[]<>{}$"):
            return str(name)
    return None


def _for_whom(person: Mapping[str, Any] | None, name: str | None) -> str:
    """Say to the colleague who sends the letter whom it is for, and what is missing."""
    if person is None:
        return f"No contact is known to whom it could go: choose one, and {_ADD}"
    who = ", ".join(part for part in (person.get("name"), person.get("title")) if part)
    role = person["role"] if person["role"] in DECIDES else ""
    if name:
        return f"For {who}{f' ({role})' if role else ''}."
    known = who or f"id {person['contact_id']}"
    return f"For the {role or 'contact'} ({known}), whose name is not known: {_ADD}"


def _is_sponsor(person: Person) -> bool:
    return bool(person["role"] == "sponsor")


def _is_champion(person: Person) -> bool:
    return bool(person["role"] == "champion")


def _is_executive(person: Person) -> bool:
    return bool(person["executive"])


def _has_spoken(person: Person) -> bool:
    return person["days_since"] is not None


def _by_last_word(person: Person) -> tuple[Any, ...]:
    days = person["days_since"]
    return days is None, days or 0, person["contact_id"]


def writes_a_letter(step: Step) -> bool:
    """Whether a step brings words to a customer, so that their reader must be known."""
    return isinstance(step, DraftEmail) or (isinstance(step, CreateTask) and step.draft is not None)
