"""Intercom's searches: bodies with a query and a cursor, one limit whose header says when it ends."""

from __future__ import annotations

import time
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, only

PAGE = 30


class Remote(VendorServer):
    """Compares `updated_at` by whole days, as some versions do."""

    vendor, described_by = "intercom", "intercom.yaml"
    secret = {"access_token": "ic-secret-1"}
    main, renamed, deletes = "conversations", ("state", "status"), False
    signs = ("authorization", "intercom-version")
    calls_of_an_idle_run = 12  # the day that is read again has several pages here

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) % 7
        for kind, id_, row in (
            ("companies", f"c{number}", {"company_id": f"a{number}", "name": f"Company {number}"}),
            ("contacts", f"p{number}", {"companies": {"data": [{"id": f"c{number}"}]}, "external_id": None}),
        ):
            if id_ not in self.rows.setdefault(kind, {}):
                self.rows[kind][id_] = {"id": id_, "updated_at": self.now, **row}
        self.rows.setdefault("conversations", {})[name] = {
            "id": name,
            "created_at": self.now,
            "updated_at": self.now,
            "state": "open",
            "priority": "not_priority",
            "contacts": {"contacts": [{"id": f"p{number}"}]},
            "source": {"body": "a word between us"},
            **fields,
        }

    def change(self, name: str) -> None:
        self.now += 60
        self.rows["conversations"][name] |= {"state": "closed", "updated_at": self.now}

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("conversations", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        good = {"field": "updated_at", "operator": ">", "value": 1}
        page = {"query": {"operator": "AND", "value": [good]}}
        return [
            ("POST", "/conversations/search", {"json": {**page, "pagination": {"per_page": 151}}}),
            ("POST", "/conversations/search", {"json": {"pagination": {"per_page": 20}}}),
            ("POST", "/conversations/search", {"json": page, "headers": {"intercom-version": "1.0"}}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1", state="closed", priority="priority", statistics={"last_close_at": self.now + 600})
        rating = {"rating": 4, "created_at": self.now}
        self.add("2", conversation_rating=rating, statistics={"first_admin_reply_at": self.now + 120})
        return {
            "tickets": {
                "ic-1": {"account_id": "a1", "priority": "high", "resolved_at": "2026-01-01 00:10:00"},
                "ic-2": {"account_id": "a2", "resolved_at": None, "first_response_at": "2026-01-01 00:03:00"},
            },
            "surveys": {"ic-2": {"score": "4.0", "kind": "csat", "account_id": "a2"}},
        }

    def limited(self) -> Answer:
        """Say when it ends, by the vendor's own clock."""
        reset = str(int(time.time() + self.pause) + 1)
        said = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return Answer(429, {"type": "error.list", "errors": []}, said)

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.secret['access_token']}":
            raise RefusedError(401, {"type": "error.list", "errors": [{"code": "unauthorized"}]})
        if request.headers.get("intercom-version") not in ("2.13", "2.14", "2.15"):
            raise RefusedError(400, {"type": "error.list", "errors": [{"code": "intercom_version_invalid"}]})
        left = {"X-RateLimit-Remaining": "160"}
        if request.path == "/companies/list" and request.method == "POST":
            asked = only(request, "page", "per_page", "order")
            size, page = at_most(asked.get("per_page", 15), 60), int(asked.get("page", 1))
            rows = list(self.rows.get("companies", {}).values())
            return Answer(body={"type": "list", "data": rows[size * (page - 1) : size * page]}, headers=left)
        if request.path not in ("/conversations/search", "/contacts/search") or request.method != "POST":
            raise RefusedError(404, {"type": "error.list", "errors": [{"code": "not_found"}]})
        kind = request.path.split("/")[1]
        rows = self._search(request, kind)
        return Answer(body={"type": f"{kind}.list", **rows}, headers=left)

    def _search(self, request: Request, kind: str) -> Row:
        asked = request.json
        if "query" not in asked or set(asked) - {"query", "pagination", "sort"}:
            raise RefusedError(400, {"type": "error.list", "errors": [{"code": "bad_request"}]})
        pages = asked.get("pagination", {})
        size = min(at_most(pages.get("per_page", 20), 150), PAGE)
        if kind == "conversations":
            self.saw_main()
        since = int(asked["query"]["value"][0]["value"]) // 86400 * 86400
        rows = sorted(self.rows.get(kind, {}).values(), key=lambda row: (-row["updated_at"], row["id"]))
        rows = [row for row in rows if row["updated_at"] > since]
        begin = int(pages.get("starting_after") or 0)
        shown = rows[begin : begin + size]
        body: Row = {
            "data" if kind == "contacts" else kind: self.shown(shown) if kind == "conversations" else shown,
            "pages": {"type": "pages", "next": None},
        }
        if begin + size < len(rows):
            body["pages"]["next"] = {"starting_after": str(begin + size)}
        return body
