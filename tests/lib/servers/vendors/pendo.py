"""Pendo's aggregation: pipelines by POST, a range of days at a time, no pages."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, only

DAY = 86_400_000


class Remote(VendorServer):
    """Sums on its side: one row per account, visitor, feature and day."""

    vendor = "pendo"
    secret = {"integration_key": "pendo-secret-1"}
    options = {"nps_guide": "g1", "nps_poll": "p1"}
    main, key, export, deletes, grouped = "feature_events", "visitorId", True, False, True
    renamed = ("numEvents", "eventCount")
    signs = ("x-pendo-integration-key",)
    calls_of_an_idle_run = 3
    id_columns = {"usage": "feature", "surveys": "account_id"}

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) if name.isdigit() else 0
        self.rows.setdefault("features", {})[f"f{number % 3}"] = {
            "id": f"f{number % 3}",
            "name": f"Feature {number % 3}",
        }
        day = self.now * 1000 // DAY * DAY
        self.rows.setdefault("feature_events", {})[name] = {
            "accountId": f"a{number % 7}",
            "visitorId": name,
            "featureId": f"f{number % 3}",
            "day": day,
            "numEvents": 2,
            **fields,
        }

    def add(self, name: str, *, same_time: bool = False, **fields: Any) -> None:
        self.now = max(self.now, 1_780_099_200) + (0 if same_time else 60)  # 2026-05-30
        self.create(name, **fields)

    def change(self, name: str) -> None:
        """Two more clicks that came late."""
        self.rows["feature_events"][name]["numEvents"] += 2

    def served(self) -> dict[str, Row]:
        return {
            name: {one: str(value) for one, value in row.items()}
            for name, row in self.rows.get("feature_events", {}).items()
        }

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/api/v1/aggregation"
        days = {"period": "dayRange", "first": 0, "count": 1}
        return [
            (
                "POST",
                ask,
                {"json": {"request": {"pipeline": [{"source": {"clicks": None, "timeSeries": days}}]}}},
            ),
            ("POST", ask, {"json": {"request": {"pipeline": [{"source": {"featureEvents": None}}]}}}),
            ("POST", ask, {"json": {"pipeline": []}}),
            ("GET", "/api/v1/feature", {"params": {"page": 2}}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("7")
        self.rows["polls"] = {
            "1": {"accountId": "a3", "visitorId": "v9", "time": self.now * 1000, "response": 9},
        }
        return {
            "usage": {
                "Feature 1": {
                    "account_id": "a0",
                    "user_id": "7",
                    "events": "2.0",
                    "occurred_at": "2026-05-30",
                }
            },
            "surveys": {"a3": {"score": "9.0", "kind": "nps", "contact_id": "pendo-v9"}},
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("x-pendo-integration-key") != self.secret["integration_key"]:
            raise RefusedError(403, {"error": "forbidden"})
        if request.path == "/api/v1/feature":
            only(request, "expand")
            return Answer(body=list(self.rows.get("features", {}).values()))
        if request.path != "/api/v1/aggregation" or request.method != "POST":
            raise RefusedError(404, {"error": "not found"})
        try:
            source = request.json["request"]["pipeline"][0]["source"]
            days = source["timeSeries"]
            begin, count = int(days["first"]), int(days["count"])
        except (KeyError, TypeError, IndexError):
            raise RefusedError(422, {"error": "cannot read the pipeline"}) from None
        if days.get("period") != "dayRange" or not {"featureEvents", "pollsSeen"} & set(source):
            raise RefusedError(422, {"error": "unknown source"})
        end = begin + count * DAY
        if "pollsSeen" in source:
            rows = [row for row in self.rows.get("polls", {}).values() if begin <= row["time"] < end]
            return Answer(body={"results": rows})
        self.saw_main()
        rows = [row for row in self.rows.get("feature_events", {}).values() if begin <= row["day"] < end]
        return Answer(body={"results": self.shown(rows)})

    def expired(self) -> Answer:
        """A key that was withdrawn."""
        return Answer(401, {"error": "unauthorized"})
