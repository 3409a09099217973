"""A proposed time as an iCalendar file (RFC 5545), for a draft that a person may send on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def invitation(key: str, times: Mapping[str, Any], subject: str, now: datetime) -> str:
    """Return the first of the times as an iCalendar file: tentative, published, inviting nobody.

    Args:
        key: Of the effect; it makes the UID, so that a second import changes the first entry.
        times: What `Availability.propose` returned, with at least one slot.
        subject: Its title.
        now: When it is written.
    """
    from icalendar import Calendar, Event

    slot, *others = times["slots"]
    event = Event()
    event.add("uid", f"{key}@customer-health")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", datetime.fromisoformat(slot["start"]).astimezone(UTC))
    event.add("dtend", datetime.fromisoformat(slot["end"]).astimezone(UTC))
    event.add("summary", _plain(subject))
    if others:
        listed = "\n".join(_plain(one["guest_text"]) for one in others)
        event.add("description", f"Other times that would suit us:\n{listed}")
    event.add("status", "TENTATIVE")
    event.add("transp", "OPAQUE")
    calendar = Calendar()
    calendar.add("prodid", "-//customer health//playbooks//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return str(calendar.to_ical().decode())


def _plain(text: str) -> str:
    """Return a text in one line: names come from other systems, and control characters would show."""
    return "".join(char if char.isprintable() else " " for char in text)
