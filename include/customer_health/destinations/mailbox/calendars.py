"""Tentative entries in the owner's own calendar, by Google Calendar or Microsoft Graph. Nobody is invited.

The proposed times stand in the effect. Before the entry is made the calendar is asked which of them are
still free; it takes the first. Both vendors take a key of ours with the entry (Google an id, Graph a
transactionId), so that the same promise twice is one entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import quote

from customer_health.connections.google_calendar_connection import GoogleCalendarOptions
from customer_health.connections.graph_calendar_connection import GraphCalendarOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations import opening, payload_values
from customer_health.destinations.mailbox import meeting_text
from customer_health.destinations.mailbox.mail_drafts import ADDRESS
from customer_health.destinations.safe_text import clean
from customer_health.effects.destination import RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.settings import Settings

Span = tuple[datetime, datetime]
Slot = Mapping[str, Any]
# A property of ours on the entry, by which Graph finds it again.
GRAPH_KEY = "String {5b1c1b0e-6a55-5f0e-9d7e-0a7f3f0d3c11} Name customer_health_key"
GOOGLE_TAKEN = "duplicate"  # reason of the 409 that an id in use gets


def owner_of(effect: Effect) -> str:
    """Return whose calendar it is: an address that could not leave its place in a path.

    Raises:
        RejectedError: The effect is not a meeting, or the owner has no address.
    """
    if effect.verb != "propose_meeting":
        raise payload_values.unsupported("A calendar", effect)
    owner = clean(effect.payload["owner"]["email"], 200)
    if not ADDRESS.fullmatch(owner):
        raise RejectedError(f"'{owner}' is not an e-mail address.", hint="Correct the owner's address.")
    return owner


def free_slot(effect: Effect, busy: Sequence[Span]) -> Slot:
    """Return the first proposed time at which the owner is free.

    Raises:
        RejectedError: None is left.
    """
    for slot in effect.payload["times"]["slots"]:
        start, end = (datetime.fromisoformat(slot[name]) for name in ("start", "end"))
        if not any(begins < end and start < ends for begins, ends in busy):
            chosen: Slot = slot
            return chosen
    raise RejectedError(
        "None of the proposed times is free any more.",
        hint="Choose a time by hand; the task of the same play says what the meeting is about.",
    )


def span_of(effect: Effect) -> tuple[str, str]:
    """Return the first start and the last end of the proposed times.

    Raises:
        RejectedError: No time was found when the meeting was proposed.
    """
    slots = effect.payload["times"]["slots"]
    if not slots:
        raise RejectedError("No time was found that suits owner and customer.", hint="Choose a time by hand.")
    return min(slot["start"] for slot in slots), max(slot["end"] for slot in slots)


class GoogleCalendarDestination:
    """Makes entries in Google calendars. Remote ids are the events'.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: To https://www.googleapis.com; its token may write the owners' events.
    """

    def __init__(self, name: str, wire: HttpClient) -> None:
        self.name, self.wire = name, wire

    def check(self) -> None:
        """Ask about nobody's time; errors as for `deliver`."""
        day = {"timeMin": "2026-01-05T00:00:00Z", "timeMax": "2026-01-05T01:00:00Z", "items": []}
        self.wire.call("POST", "/calendar/v3/freeBusy", json=day)

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Find nothing, or raise what `check` raises."""
        self.check()
        return iter(())

    def find(self, effect: Effect) -> str | None:
        """Ask for the event by its id. One that its owner has deleted since did land."""
        with http_faults.reading():
            answer = self.wire.send("GET", f"{self._path(effect)}/{_google_id(effect)}")
            if answer.status_code == 404:
                return None
            if answer.status_code != 200:
                raise http_faults.of_status(
                    "Google Calendar", answer.status_code, answer.text, answer.headers
                )
        return _google_id(effect)

    def deliver(self, effect: Effect) -> str:
        """Make the entry at the first time that is still free, and return its id."""
        owner, path = owner_of(effect), self._path(effect)
        first, last = span_of(effect)
        with http_faults.reading():
            body = {"timeMin": first, "timeMax": last, "items": [{"id": owner}]}
            told = self.wire.call("POST", "/calendar/v3/freeBusy", json=body, person=owner)
        rows = (told or {}).get("calendars", {}).get(owner, {}).get("busy", [])
        busy = [(_instant(row["start"]), _instant(row["end"])) for row in rows]
        slot = free_slot(effect, busy)
        payload = effect.payload
        event = {
            "id": _google_id(effect),
            "summary": clean(payload["subject"], 200),
            "description": "\n".join(meeting_text.body(payload, slot)),
            "start": {"dateTime": slot["start"], "timeZone": payload["times"]["zone"]},
            "end": {"dateTime": slot["end"], "timeZone": payload["times"]["zone"]},
            "status": "tentative",
            "visibility": "private",
            "guestsCanSeeOtherGuests": False,
            "extendedProperties": {"private": {"customer_health_key": effect.key}},
        }
        answer = self.wire.send("POST", path, json=event, params={"sendUpdates": "none"})
        if answer.status_code == 409 and GOOGLE_TAKEN in answer.text:
            return _google_id(effect)  # our own earlier call had made it
        if not 200 <= answer.status_code < 300:
            raise http_faults.of_status(
                "Google Calendar", answer.status_code, answer.text, answer.headers, self.wire.fixes
            )
        try:
            return str(answer.json()["id"])
        except (ValueError, KeyError):
            _lost("Google Calendar")

    def _path(self, effect: Effect) -> str:
        return f"/calendar/v3/calendars/{quote(owner_of(effect), safe='@')}/events"


class GraphCalendarDestination:
    """Makes entries in Outlook calendars. Remote ids are the events'.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: To https://graph.microsoft.com; its token has Calendars.ReadWrite.
    """

    def __init__(self, name: str, wire: HttpClient) -> None:
        self.name, self.wire = name, wire

    def check(self) -> None:
        """Ask for our organisation; errors as for `deliver`."""
        self.wire.call("GET", "/v1.0/organization")

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Find nothing, or raise what `check` raises."""
        self.check()
        return iter(())

    def find(self, effect: Effect) -> str | None:
        """Ask for the event by the property that holds our key."""
        wanted = f"singleValueExtendedProperties/Any(p: p/id eq '{GRAPH_KEY}' and p/value eq '{effect.key}')"
        path = f"/v1.0/users/{owner_of(effect)}/events"
        with http_faults.reading():
            found = self.wire.call("GET", path, params={"$filter": wanted, "$select": "id"})
        rows = (found or {}).get("value") or []
        return str(rows[0]["id"]) if rows else None

    def deliver(self, effect: Effect) -> str:
        """Make the entry at the first time that is still free, and return its id."""
        owner = owner_of(effect)
        first, last = span_of(effect)
        with http_faults.reading():
            body = {"schedules": [owner], "startTime": _graph(first), "endTime": _graph(last)}
            told = self.wire.call("POST", f"/v1.0/users/{owner}/calendar/getSchedule", json=body)
        rows = [row for one in (told or {}).get("value", ()) for row in one.get("scheduleItems", ())]
        busy = [
            (_instant(row["start"]["dateTime"]), _instant(row["end"]["dateTime"]))
            for row in rows
            if row.get("status") != "free"
        ]
        slot = free_slot(effect, busy)
        event = {
            "subject": clean(effect.payload["subject"], 200),
            "body": {"contentType": "text", "content": "\n".join(meeting_text.body(effect.payload, slot))},
            "start": _graph(slot["start"]),
            "end": _graph(slot["end"]),
            "showAs": "tentative",
            "sensitivity": "private",
            "responseRequested": False,
            "transactionId": effect.key,
            "singleValueExtendedProperties": [{"id": GRAPH_KEY, "value": effect.key}],
        }
        made = self.wire.call("POST", f"/v1.0/users/{owner}/events", json=event)
        if not (isinstance(made, dict) and made.get("id")):
            _lost("Graph")
        return str(made["id"])


def _lost(remote: str) -> NoReturn:
    raise UnknownOutcomeError(f"{remote} answered without the entry's id.")


def _google_id(effect: Effect) -> str:
    """Return the event's id: Google takes digits and a to v, which a UUID's are."""
    return effect.key.replace("-", "").lower()


def _graph(instant: str) -> dict[str, str]:
    moment = datetime.fromisoformat(instant).astimezone(UTC)
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def _instant(text: str) -> datetime:
    """Return an instant; Graph gives UTC without saying so, with seven decimals."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def open_google_calendar(role: str, settings: Settings) -> GoogleCalendarDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(GoogleCalendarOptions)
    base = "https://www.googleapis.com"
    scopes = (f"{base}/auth/calendar.events", f"{base}/auth/calendar.freebusy")
    wire = opening.renewing_wire("google_calendar", "Google Calendar", base, settings, options, *scopes)
    return GoogleCalendarDestination(role, wire)


def open_graph_calendar(role: str, settings: Settings) -> GraphCalendarDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(GraphCalendarOptions)
    base = "https://graph.microsoft.com"
    wire = opening.renewing_wire("graph_calendar", "Graph", base, settings, options, f"{base}/.default")
    return GraphCalendarDestination(role, wire)
