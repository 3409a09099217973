"""Gong's extensive list of calls: a filter on their start, a cursor in the body, 404 for nothing."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, basic, iso

PAGE = 40  # the vendor's is 100


class Remote(VendorServer):
    """Edits do not move a call's start."""

    vendor, described_by = "gong", "handwritten/gong.yaml"
    below = "/v2"
    secret = {"access_key": "gong-key-1", "access_secret": "gong-secret-1"}
    main, key, deletes = "calls", "metaData.id", False
    renamed = ("metaData", "meta")
    calls_of_an_idle_run = 3  # three days are read again, and have pages here

    def create(self, name: str, **fields: Any) -> None:
        account = [{"objectType": "Account", "objectId": f"a{int(name) % 7}"}]
        self.rows.setdefault("calls", {})[name] = {
            "metaData": {
                "id": name,
                "started": iso(self.now),
                "duration": 1800,
                "scope": "External",
                **fields,
            },
            "context": [{"system": "Salesforce", "objects": account}],
            "parties": [{"emailAddress": "someone@example.com"}],
        }

    def change(self, name: str) -> None:
        self.rows["calls"][name]["metaData"]["duration"] = 2400

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("calls", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/v2/calls/extensive"
        return [
            ("POST", ask, {"json": {}}),
            ("POST", ask, {"json": {"filter": {"since": "2026"}}}),
            ("POST", ask, {"json": {"filter": {"fromDateTime": "yesterday"}}}),
            ("GET", ask, {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        self.add("2", scope="Internal")
        return {"interactions": {"gong-1": {"account_id": "a1", "kind": "call", "minutes": "30.0"}}}

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != basic("gong-key-1", "gong-secret-1"):
            raise RefusedError(401, {"requestId": "r", "errors": ["Invalid credentials"]})
        if request.path != "/v2/calls/extensive" or request.method != "POST":
            raise RefusedError(405, {"requestId": "r", "errors": ["not allowed"]})
        asked = request.json
        since = asked.get("filter", {}).get("fromDateTime", "")
        known = {"fromDateTime", "toDateTime", "callIds", "workspaceId", "primaryUserIds"}
        if "filter" not in asked or set(asked["filter"]) - known or not since.startswith("20"):
            raise RefusedError(400, {"requestId": "r", "errors": ["filter is wrong"]})
        self.saw_main()
        rows = sorted(self.rows.get("calls", {}).values(), key=lambda row: row["metaData"]["started"])
        rows = [row for row in rows if row["metaData"]["started"] >= since[:19]]
        if not rows:
            raise RefusedError(404, {"requestId": "r", "errors": ["No calls found"]})
        begin = int(asked.get("cursor") or 0)
        records: Row = {
            "totalRecords": len(rows),
            "currentPageSize": PAGE,
            "currentPageNumber": begin // PAGE,
        }
        if begin + PAGE < len(rows):
            records["cursor"] = str(begin + PAGE)
        return Answer(
            body={"requestId": "r", "records": records, "calls": self.shown(rows[begin : begin + PAGE])}
        )
