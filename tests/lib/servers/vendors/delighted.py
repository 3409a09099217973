"""Delighted's list of answers: a bare array, pages by number."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, basic, only


class Remote(VendorServer):
    """Has no way to delete an answer that its list would show."""

    vendor = "delighted"
    secret = {"api_key": "dl-secret-1"}
    main, deletes, renamed = "survey_responses", False, ("score", "rating")

    def create(self, name: str, **fields: Any) -> None:
        self.rows.setdefault("survey_responses", {})[name] = {
            "id": name,
            "score": 9,
            "survey_type": "nps",
            "comment": "a word between us",
            "created_at": self.now,
            "updated_at": self.now,
            "person_properties": {"account_id": f"a{int(name) % 7}"},
            **fields,
        }

    def change(self, name: str) -> None:
        self.now += 60
        self.rows["survey_responses"][name] |= {"score": 3, "updated_at": self.now}

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("survey_responses", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/v1/survey_responses.json"
        return [("GET", ask, {"params": {"per_page": 101}}), ("GET", ask, {"params": {"cursor": "x"}})]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1", score=0)
        self.add("2", person_properties={"account_id": None})
        return {"surveys": {"dl-1": {"account_id": "a1", "score": "0.0", "kind": "nps"}}}

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != basic(self.secret["api_key"], ""):
            raise RefusedError(401, {"status": 401, "message": "unauthorized"})
        if request.path != "/v1/survey_responses.json":
            raise RefusedError(404, {"status": 404})
        asked = only(request, "per_page", "page", "updated_since", "since", "order", "expand[]")
        size = at_most(asked.get("per_page", 20), 100)
        self.saw_main()
        since, page = int(asked.get("updated_since", 0)), int(asked.get("page", 1))
        rows = sorted(
            self.rows.get("survey_responses", {}).values(), key=lambda row: (row["updated_at"], row["id"])
        )
        rows = [row for row in rows if row["updated_at"] >= since]
        return Answer(body=self.shown(rows[size * (page - 1) : size * page]))
