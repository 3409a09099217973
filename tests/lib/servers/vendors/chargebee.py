"""Chargebee's lists: a strict filter on updates, an offset for the next page, deleted records on demand."""

from __future__ import annotations

import json
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, basic, only

KINDS = {"customers": "customer", "invoices": "invoice", "subscriptions": "subscription"}
PAGE = 40


class Remote(VendorServer):
    """Wraps every record in its kind, and leaves out what is empty."""

    vendor = "chargebee"
    secret = {"api_key": "cb-secret-1"}
    options = {"site": "acme"}
    main, key, renamed = "invoices", "invoice.id", ("invoice", "bill")
    calls_of_an_idle_run = 3
    restores = False  # a deleted invoice is gone for good

    def put(self, kind: str, id_: str, **fields: Any) -> None:
        """Create or change a record."""
        before = self.rows.setdefault(kind, {}).get(id_, {"id": id_, "deleted": False})
        self.rows[kind][id_] = {**before, **fields, "updated_at": self.now}

    def create(self, name: str, **fields: Any) -> None:
        number = int(name) % 7
        if f"cu{number}" not in self.rows.get("customers", {}):
            self.put("customers", f"cu{number}", cf_account_id=f"a{number}")
        new = {
            "customer_id": f"cu{number}",
            "status": "not_paid",
            "date": self.now,
            "due_date": self.now + 86400,
        }
        self.put(
            "invoices", name, **{**new, "total": 12_050, "currency_code": "USD", "recurring": True, **fields}
        )

    def change(self, name: str) -> None:
        self.now += 60
        self.put("invoices", name, status="paid", paid_at=self.now)

    def delete(self, name: str) -> None:
        self.now += 60
        self.put("invoices", name, deleted=True)

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "invoices", "invoice_id", f"cb-{name}"

    def served(self) -> dict[str, Row]:
        return {name: {"invoice": row} for name, row in self.rows.get("invoices", {}).items()}

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            ("GET", "/api/v2/invoices", {"params": {"limit": 101}}),
            ("GET", "/api/v2/invoices", {"params": {"since": 1}}),
            ("GET", "/api/v1/invoices", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1", total=12_050)
        self.add("2", total=5_000, currency_code="JPY", status="paid", paid_at=self.now)
        self.add("3", status="voided")
        term = {
            "started_at": self.now,
            "current_term_start": self.now,
            "current_term_end": self.now + 31_536_000,
        }
        plan = {"plan_id": "team", "plan_quantity": 5, "mrr": 10_000, "currency_code": "USD"}
        self.put("subscriptions", "s1", customer_id="cu1", status="active", **term, **plan)
        self.put("subscriptions", "s2", customer_id="cu1", status="active", deleted=True, **term, **plan)
        return {
            "invoices": {
                "cb-1": {"account_id": "a1", "amount": "120.5", "paid_at": None, "kind": "subscription"},
                # Without a rate to the company's dollars an amount in yen is unknown.
                "cb-2": {"amount": None, "currency": "JPY", "paid_at": "2026-01-01 00:01:00"},
            },
            "contracts": {"cb-s1": {"account_id": "a1", "arr": "1200.0", "seats": "5.0", "plan": "team"}},
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != basic(self.secret["api_key"], ""):
            raise RefusedError(401, {"api_error_code": "api_authentication_failed"})
        name = request.path.removeprefix("/api/v2/")
        if name not in KINDS:
            raise RefusedError(404, {"api_error_code": "site_not_found"})
        asked = only(request, "limit", "offset", "updated_at[after]", "sort_by[asc]", "include_deleted")
        size = min(at_most(asked.get("limit", 10), 100), PAGE)
        if name == "invoices":
            self.saw_main()
        after = int(asked.get("updated_at[after]", 0))
        rows = [row for row in self.rows.get(name, {}).values() if row["updated_at"] > after]
        rows.sort(key=lambda row: (row["updated_at"], row["id"]))
        begin = int(json.loads(asked.get("offset", "[0]"))[0])
        shown = [{KINDS[name]: row} for row in rows[begin : begin + size]]
        body: Row = {"list": self.shown(shown) if name == "invoices" else shown}
        if begin + size < len(rows):
            body["next_offset"] = json.dumps([begin + size])
        return Answer(body=body)
