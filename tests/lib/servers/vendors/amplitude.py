"""Amplitude's export: a zip of gzipped JSON lines for a range of hours, 404 where there is nothing."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, basic, iso, only


class Remote(VendorServer):
    """Events are found by the hour in which they were uploaded."""

    vendor = "amplitude"
    secret = {"api_key": "amp-key-1", "secret_key": "amp-secret-1"}
    main, key, export, deletes = "events", "uuid", True, False
    renamed = ("event_type", "event_name")
    id_columns = {"usage": "feature"}

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) if name.isdigit() else 0
        self.rows.setdefault("events", {})[name] = {
            "uuid": name,
            "event_type": f"feature {number % 5}",
            "event_time": iso(self.now).replace("T", " ").replace("Z", ".000000"),
            "user_id": f"u{number % 9}",
            "groups": {"account_id": f"a{number % 7}"},
            "user_properties": {"email": "someone@example.com"},
            "at": self.now,
            **fields,
        }

    def add(self, name: str, *, same_time: bool = False, **fields: Any) -> None:
        self.now = max(self.now, 1_780_099_200) + (0 if same_time else 60)  # 2026-05-30
        self.create(name, **fields)

    def change(self, name: str) -> None:
        """Events do not change; one more comes late."""
        self.create(f"{name}-late")

    def served(self) -> dict[str, Row]:
        return {name: {"event_type": row["event_type"]} for name, row in self.rows.get("events", {}).items()}

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        good = {"start": "20260101T00", "end": "20260101T23"}
        return [
            ("GET", "/api/2/export", {"params": {**good, "start": "2026-01-01"}}),
            ("GET", "/api/2/export", {"params": {**good, "limit": 5}}),
            ("GET", "/api/2/export", {"params": {"start": "20260101T00"}}),
            ("GET", "/api/3/export", {"params": good}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("7")
        self.add("14")
        return {
            "usage": {
                "feature 2": {
                    "account_id": "a0",
                    "user_id": "u7",
                    "events": "1.0",
                    "occurred_at": "2026-05-30",
                },
                "feature 4": {"account_id": "a0"},
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != basic("amp-key-1", "amp-secret-1"):
            raise RefusedError(401, {"error": "invalid credentials"})
        if request.path != "/api/2/export":
            raise RefusedError(404, {"error": "not found"})
        asked = only(request, "start", "end")
        try:
            begin, end = (
                datetime.strptime(asked[name], "%Y%m%dT%H").replace(tzinfo=UTC).timestamp()
                for name in ("start", "end")
            )
        except (ValueError, KeyError):
            raise RefusedError(400, {"error": "start and end must be YYYYMMDDTHH"}) from None
        self.saw_main()
        found = [row for row in self.rows.get("events", {}).values() if begin <= row["at"] < end + 3600]
        if not found:
            raise RefusedError(404, {"error": "no data"})
        rows = [{name: value for name, value in row.items() if name != "at"} for row in self.shown(found)]
        lines = "".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]).encode()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"42/42_{asked['start']}#1.json.gz", gzip.compress(lines))
        return Answer(body=packed.getvalue(), headers={"Content-Type": "application/zip"})
