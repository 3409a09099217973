"""Google Calendar's list of events: a sync token at the end, cancelled events in later answers."""

from __future__ import annotations

import re
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, at_most, iso, only
from tests.lib.servers.vendors.google import GoogleServer

PAGE = 40


class Remote(GoogleServer):
    """All events are Cara's; Max's calendar is empty."""

    vendor = "google_calendar"
    scope = "https://www.googleapis.com/auth/calendar.events.readonly"
    main, renamed = "events", ("status", "state")
    calls_of_an_idle_run = 3  # two calendars; a token for each
    id_columns = {"calendar": "busy_id"}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.trash: dict[str, Row] = {}

    def create(self, name: str, **fields: Any) -> None:
        self.rows.setdefault("events", {})[name] = {
            "id": name,
            "status": "confirmed",
            "summary": "a word between us",
            "start": {"dateTime": iso(self.now)},
            "end": {"dateTime": iso(self.now + 1800)},
            "at": self.serial(),
            **fields,
        }

    def change(self, name: str) -> None:
        self.now += 60
        self.rows["events"][name] |= {"end": {"dateTime": iso(self.now + 3600)}, "at": self.serial()}

    def delete(self, name: str) -> None:
        self.now += 60
        self.trash[name] = self.rows["events"][name]
        self.rows["events"][name] = {"id": name, "status": "cancelled", "at": self.serial()}

    def restore(self, name: str) -> None:
        self.now += 60
        self.rows["events"][name] = {**self.trash.pop(name), "at": self.serial()}

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "calendar", "busy_id", f"google-{name}"

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("events", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/calendar/v3/calendars/cara@ours.com/events"
        return [
            ("GET", ask, {"params": {"maxResults": 2501}}),
            ("GET", ask, {"params": {"since": "2026"}}),
            ("GET", ask, {"params": {"syncToken": "1", "timeMin": "2026-01-01T00:00:00Z"}}),
            ("GET", "/calendar/v3/calendars/stranger@ours.com/events", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        self.add("2", transparency="transparent")
        self.add("3")
        self.delete("3")
        return {
            "calendar": {
                "google-1": {
                    "owner_email": "cara@ours.com",
                    "occurred_at": "2026-01-01 00:01:00",
                    "ends_at": "2026-01-01 00:31:00",
                }
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.path == "/token":
            return self.token(request)
        found = re.fullmatch(r"/calendar/v3/calendars/([^/]+)/events", request.path)
        if not found:
            raise RefusedError(404, {"error": {"code": 404}})
        self.owner(request, found[1])
        asked = only(request, "maxResults", "singleEvents", "syncToken", "pageToken", "timeMin", "timeMax")
        if "syncToken" in asked and "timeMin" in asked:
            raise RefusedError(400, {"error": {"message": "syncToken cannot stand beside timeMin"}})
        size = min(at_most(asked.get("maxResults", 250), 2500), PAGE)
        if found[1] == "cara@ours.com":
            self.saw_main()
        since = int(asked.get("syncToken", "0"))
        every = self.rows.get("events", {}) if found[1] == "cara@ours.com" else {}
        rows = [
            row for row in sorted(every.values(), key=lambda row: (row["at"], row["id"])) if row["at"] > since
        ]
        if not since:
            rows = [row for row in rows if row["status"] != "cancelled"]
        begin = int(asked.get("pageToken", "0"))
        body: Row = {"kind": "calendar#events", "items": self.shown(rows[begin : begin + size])}
        if begin + size < len(rows):
            body["nextPageToken"] = str(begin + size)
        else:
            body["nextSyncToken"] = str(max((row["at"] for row in rows), default=since))
        return Answer(body=body)
