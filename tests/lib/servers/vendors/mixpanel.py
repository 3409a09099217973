"""Mixpanel's raw export: JSON lines of whole days, few calls an hour."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, basic, only


class Remote(VendorServer):
    """Delivers an event twice now and then, as the vendor warns."""

    vendor, described_by = "mixpanel", "mixpanel_export.yaml"
    below = "/api/2.0"
    secret = {"secret": "mp-secret-1"}
    options = {"username": "bot", "project_id": "42"}
    main, key, export, deletes = "events", "properties.$insert_id", True, False
    renamed = ("event", "name")
    id_columns = {"usage": "feature"}

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) if name.isdigit() else 0
        self.rows.setdefault("events", {})[name] = {
            "event": f"feature {number % 5}",
            "properties": {
                "time": self.now,
                "distinct_id": f"u{number % 9}",
                "$insert_id": name,
                "account_id": f"a{number % 7}",
                "$email": "someone@example.com",
                **fields,
            },
        }

    def change(self, name: str) -> None:
        """Events do not change; one more comes late."""
        self.create(f"{name}-late")

    def add(self, name: str, *, same_time: bool = False, **fields: Any) -> None:
        # The days before the as-of date, so that late events are read again.
        self.now = max(self.now, 1_780_099_200) + (0 if same_time else 60)  # 2026-05-30
        self.create(name, **fields)

    def served(self) -> dict[str, Row]:
        shown = {}
        for name, row in self.rows.get("events", {}).items():
            shown[name] = {"event": row["event"], "properties.time": str(row["properties"]["time"])}
        return shown

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        good = {"project_id": "42", "from_date": "2026-01-01", "to_date": "2026-01-02"}
        return [
            ("GET", "/api/2.0/export", {"params": {**good, "from_date": "01.01.2026"}}),
            ("GET", "/api/2.0/export", {"params": {**good, "limit": 100_001}}),
            ("GET", "/api/2.0/export", {"params": {**good, "since": "2026"}}),
            ("GET", "/api/1.0/export", {"params": good}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        for name in ("7", "14", "21"):
            self.add(name)
        return {
            "usage": {
                "feature 1": {
                    "account_id": "a0",
                    "user_id": "u3",
                    "events": "1.0",
                    "occurred_at": "2026-05-30",
                },
                "feature 2": {"account_id": "a0"},
                "feature 4": {"account_id": "a0"},
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != basic("bot", self.secret["secret"]):
            raise RefusedError(401, {"error": "Invalid service account credentials"})
        if request.path != "/api/2.0/export":
            raise RefusedError(404, {"error": "not found"})
        asked = only(request, "project_id", "from_date", "to_date", "limit", "event", "where", "time_in_ms")
        try:
            begin, end = (date.fromisoformat(asked[name]) for name in ("from_date", "to_date"))
        except (ValueError, KeyError):
            raise RefusedError(400, {"error": "from_date and to_date must be dates"}) from None
        if int(asked.get("limit", 1)) > 100_000 or asked.get("project_id") != "42":
            raise RefusedError(400, {"error": "limit must not be greater than 100000"})
        self.saw_main()
        found = [
            row
            for row in self.rows.get("events", {}).values()
            if begin <= datetime.fromtimestamp(row["properties"]["time"], UTC).date() <= end
        ]
        found = self.shown([*found, *found[:1]])
        lines = "".join(json.dumps(row) + "\n" for row in found)
        return Answer(body=lines.encode(), headers={"Content-Type": "application/x-ndjson"})
