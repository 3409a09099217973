"""Two calendars that keep every entry, refuse what the vendors refuse, and know when somebody is busy."""

from __future__ import annotations

import itertools
import re
from typing import Any

from tests.lib.servers.base import Answer, Request, Server


class GoogleCalendars(Server):
    """Google Calendar.

    Attributes:
        busy: [start, end] in RFC 3339, of everybody.
        events: By calendar and id.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.busy: list[tuple[str, str]] = []
        self.events: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        """Tell, look up, or make an entry."""
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        if request.path == "/calendar/v3/freeBusy":
            rows = [{"start": start, "end": end} for start, end in self.busy]
            return Answer(body={"calendars": {one["id"]: {"busy": rows} for one in request.json["items"]}})
        calendar, _, number = request.path.removeprefix("/calendar/v3/calendars/").partition("/events")
        number = number.strip("/")
        if request.method == "GET":
            event = self.events.get((calendar, number))
            return Answer(body=event) if event else Answer(404, {"error": {"code": 404}})
        event = request.json
        if request.query.get("sendUpdates") != ["none"] or event.get("attendees"):
            self.violations.append("an entry that invites somebody")
        if not re.fullmatch("[a-v0-9]{5,1024}", event["id"]):
            return Answer(400, {"error": {"message": "Invalid resource id value."}})
        if (calendar, event["id"]) in self.events:
            reason = {"reason": "duplicate", "message": "The requested identifier already exists."}
            return Answer(409, {"error": {"code": 409, "errors": [reason]}})
        self.events[calendar, event["id"]] = event
        self.land(event["extendedProperties"]["private"]["customer_health_key"], "event")
        return Answer(body={"id": event["id"], "status": event["status"]})


class GraphCalendars(Server):
    """Outlook. A transactionId that was seen gives the entry that it made."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.busy: list[tuple[str, str]] = []
        self.events: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Tell, look up, or make an entry."""
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": {"code": "InvalidAuthenticationToken"}})
        if request.path.endswith("/calendar/getSchedule"):
            items = [
                {"status": "busy", "start": {"dateTime": start}, "end": {"dateTime": end}}
                for start, end in self.busy
            ]
            schedules = request.json["schedules"]
            return Answer(body={"value": [{"scheduleId": one, "scheduleItems": items} for one in schedules]})
        if request.path == "/v1.0/organization":
            return Answer(body={"value": [{"displayName": "Acme"}]})
        if request.method == "GET":
            wanted = re.search(r"p/value eq '([^']*)'", request.query["$filter"][0])
            found = [{"id": n} for n, event in self.events.items() if wanted and _key(event) == wanted[1]]
            return Answer(body={"value": found})
        event = request.json
        if event.get("attendees"):
            self.violations.append("an entry that invites somebody")
        for number, known in self.events.items():
            if known["transactionId"] == event["transactionId"]:
                return Answer(201, {"id": number})
        number = f"AAMk{next(self._ids)}"
        self.events[number] = event
        self.land(_key(event), "event")
        return Answer(201, {"id": number})


def _key(event: dict[str, Any]) -> str:
    return str(event["singleValueExtendedProperties"][0]["value"])
