"""The calendar view of Microsoft Graph, by delta."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, iso
from tests.lib.servers.vendors.microsoft import GraphServer


class Remote(GraphServer):
    """A deleted event comes as @removed."""

    vendor, main = "microsoft_calendar", "events"
    id_columns = {"calendar": "busy_id"}

    def create(self, name: str, **fields: Any) -> None:
        times = {"start": {"dateTime": iso(self.now)[:-1]}, "end": {"dateTime": iso(self.now + 1800)[:-1]}}
        self.put("events", name, **{**times, "showAs": "busy", "subject": "a word between us", **fields})

    def change(self, name: str) -> None:
        self.now += 60
        self.put("events", name, showAs="oof")

    def delete(self, name: str) -> None:
        self.now += 60
        self.put("events", name, gone=True)

    def restore(self, name: str) -> None:
        self.now += 60
        self.put("events", name, gone=False)

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "calendar", "busy_id", f"graph-{name}"

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("events", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/v1.0/users/cara@ours.com/calendarView/delta"
        return [
            ("GET", ask, {}),
            (
                "GET",
                ask,
                {"params": {"startDateTime": "2026-01-01", "endDateTime": "2026-02-01", "since": 1}},
            ),
            ("GET", "/v1.0/users/stranger@ours.com/calendarView/delta", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        self.add("2", showAs="free")
        self.add("3", isCancelled=True)
        return {"calendar": {"graph-1": {"owner_email": "cara@ours.com", "ends_at": "2026-01-01 00:31:00"}}}

    def respond(self, request: Request) -> Answer:
        if request.path.endswith("/token"):
            return self.token(request)
        self.signed_in(request)
        if request.path != "/v1.0/users/cara@ours.com/calendarView/delta":
            raise RefusedError(404, {"error": {"code": "ErrorItemNotFound"}})
        if not {"$deltatoken", "$skiptoken"} & set(request.query) and "startDateTime" not in request.query:
            raise RefusedError(400, {"error": {"code": "ErrorInvalidParameter"}})
        self.saw_main()
        return self.delta(request, self.rows.get("events", {}), "startDateTime", "endDateTime")
