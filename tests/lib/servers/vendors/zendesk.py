"""Zendesk's incremental exports: cursor-based for tickets, time-based for organizations."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, iso, only

PAGE = 40  # the vendor's is 1,000; a smaller one makes more pages of fewer records


class Remote(VendorServer):
    """Leaves out what changed in the last minute, as the vendor does on purpose."""

    vendor = "zendesk"
    secret = {"client_id": "our-client", "client_secret": "zd-secret-1"}
    options = {"subdomain": "acme"}
    scope = "tickets:read organizations:read satisfaction_ratings:read"
    main, renews, renamed = "tickets", True, ("status", "state")
    calls_of_an_idle_run = 3

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) if name.isdigit() else 90_000 + len(self.rows.get("tickets", {}))
        organization = 100 + number % 7
        self.organization(organization, f"a{number % 7}")
        self._put(
            {
                "id": number,
                "organization_id": organization,
                "requester_id": 500 + number,
                "status": "open",
                "priority": "urgent" if number % 5 == 0 else "normal",
                "subject": "a word between us",
                "created_at": iso(self.now),
                "updated_at": iso(self.now),
                **fields,
            }
        )

    def organization(self, number: int, account: str | None) -> None:
        """Create an organization, or change whose it is."""
        kept = self.rows.setdefault("organizations", {})
        if kept.get(str(number), {}).get("external_id") != account or str(number) not in kept:
            kept[str(number)] = {
                "id": number,
                "external_id": account,
                "updated_at": iso(self.now),
                "at": self.now,
            }

    def _put(self, row: Row) -> None:
        self.rows.setdefault("tickets", {})[f"{row['id']:05d}"] = {**row, "generated_timestamp": self.now}

    def _named(self, name: str) -> Row:
        return self.rows["tickets"][name if name in self.rows["tickets"] else f"{int(name):05d}"]

    def change(self, name: str, **fields: Any) -> None:
        self.now += 60
        row = self._named(name)
        self._put({**row, "priority": "high", "updated_at": iso(self.now), **fields})

    def delete(self, name: str) -> None:
        self.change(name, status="deleted")

    def restore(self, name: str) -> None:
        self.change(name, status="open")

    def id_of(self, name: str) -> str:
        return str(int(name))

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "tickets", "ticket_id", f"zd-{int(name)}"

    def served(self) -> dict[str, Row]:
        return {
            str(row["id"]): row for row in self.rows.get("tickets", {}).values() if row["status"] != "deleted"
        }

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        cursor = "/api/v2/incremental/tickets/cursor.json"
        return [
            ("GET", cursor, {"params": {"start_time": 1, "per_page": 1001}}),
            ("GET", cursor, {"params": {"since": 1}}),
            ("GET", cursor, {}),
            ("GET", "/api/v2/incremental/organizations/cursor.json", {"params": {"start_time": 1}}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1", priority="urgent")
        self.add("2", metric={"reply_time_in_minutes": {"calendar": 90}, "solved_at": "2026-02-01T10:00:00Z"})
        self.add("3")
        self.delete("3")
        self.add("4", organization_id=None)
        first = iso(self.rows["tickets"]["00001"]["generated_timestamp"])[:19].replace("T", " ")
        return {
            "tickets": {
                "zd-1": {
                    "account_id": "a1",
                    "priority": "critical",
                    "occurred_at": first,
                    "resolved_at": None,
                },
                "zd-2": {
                    "account_id": "a2",
                    "resolved_at": "2026-02-01 10:00:00",
                    "first_response_at": "2026-01-01 01:32:00",
                },
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.path == "/oauth/tokens":
            return self._token(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise RefusedError(401, {"error": "invalid_token"})
        answers = {
            "/api/v2/incremental/tickets/cursor.json": self._tickets,
            "/api/v2/incremental/organizations.json": self._organizations,
            "/api/v2/satisfaction_ratings.json": self._ratings,
        }
        if request.path not in answers:
            raise RefusedError(404, {"error": "RecordNotFound"})
        return Answer(body=answers[request.path](request), headers={"X-Rate-Limit-Remaining": "8"})

    def _token(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.raw.decode()))
        right = form.get("client_secret") == self.secret["client_secret"]
        if not right or form.get("grant_type") != "client_credentials" or not form.get("scope"):
            return Answer(401, {"error": "invalid_client"})
        token = f"zd-token-{len(self.tokens)}"
        self.tokens.add(token)
        return Answer(body={"access_token": token, "token_type": "bearer", "scope": self.scope})

    def expired(self) -> Answer:
        self.tokens.clear()
        return Answer(401, {"error": "invalid_token"})

    def _tickets(self, request: Request) -> Row:
        asked = only(request, "start_time", "cursor", "per_page", "include")
        size = min(at_most(asked.get("per_page", 1000), 1000), PAGE)
        if ("start_time" in asked) == ("cursor" in asked):
            raise RefusedError(400, {"error": "give start_time or cursor"})
        self.saw_main()
        after = (int(asked.get("start_time", 0)) - 1, 10**9)
        if "cursor" in asked:
            after = tuple(json.loads(base64.b64decode(asked["cursor"])))
        every = sorted(
            self.rows.get("tickets", {}).values(), key=lambda row: (row["generated_timestamp"], row["id"])
        )
        found = [
            row
            for row in every
            if (row["generated_timestamp"], row["id"]) > after and row["generated_timestamp"] <= self.now - 60
        ]
        page = found[:size]
        last = [page[-1]["generated_timestamp"], page[-1]["id"]] if page else list(after)
        plain = [{name: value for name, value in row.items() if name != "metric"} for row in page]
        return {
            "tickets": self.shown(plain),
            "metric_sets": [
                {"id": row["id"] + 7000, "ticket_id": row["id"], **row["metric"]}
                for row in page
                if "metric" in row
            ],
            "after_cursor": base64.b64encode(json.dumps(last).encode()).decode(),
            "end_of_stream": len(found) <= size,
        }

    def _organizations(self, request: Request) -> Row:
        asked = only(request, "start_time", "per_page")
        since = int(asked["start_time"])
        found = [row for row in self.rows.get("organizations", {}).values() if row["at"] >= since]
        end = max((row["at"] for row in found), default=since)
        plain = [{name: value for name, value in row.items() if name != "at"} for row in found]
        return {"organizations": plain, "end_time": end, "end_of_stream": True, "next_page": None}

    def _ratings(self, request: Request) -> Row:
        only(request, "start_time", "page[size]", "page[after]", "sort_order")
        at_most(request.query["page[size]"][0], 100)
        return {"satisfaction_ratings": [], "meta": {"has_more": False, "after_cursor": None}}
