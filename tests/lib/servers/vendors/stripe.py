"""Stripe's lists: newest first, a cursor that is an id, no filter on updates."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer, at_most, only

PAGE = 40
VERSIONS = ("2025-09-30.clover", "2026-02-25.clover")


class Remote(VendorServer):
    """Amounts are in the smallest unit of their currency; ids of the newest come first."""

    vendor, described_by = "stripe", "stripe_min.json"
    secret = {"api_key": "rk_live_secret1"}
    main, renamed = "invoices", ("status", "state")
    calls_of_an_idle_run = 5  # invoices of 90 days are read again, and have pages here
    signs = ("authorization", "stripe-version")

    def customer(self, number: int) -> str:
        """Create a customer once."""
        made = {"id": f"cus_{number}", "created": self.now, "currency": "usd", "delinquent": False}
        self.rows.setdefault("customers", {}).setdefault(
            f"cus_{number}", {"object": "customer", **made, "metadata": {"account_id": f"a{number}"}}
        )
        return f"cus_{number}"

    def create(self, name: str, **fields: Any) -> None:
        self.rows.setdefault("invoices", {})[name] = {
            "id": name,
            "object": "invoice",
            "customer": self.customer(int(name) % 7),
            "status": "open",
            "created": self.now,
            "due_date": self.now + 30 * 86400,
            "amount_due": 12_050,
            "currency": "usd",
            "status_transitions": {"paid_at": None},
            "customer_email": "someone@example.com",
            **fields,
        }

    def change(self, name: str) -> None:
        self.now += 60
        self.rows["invoices"][name] |= {"status": "paid", "status_transitions": {"paid_at": self.now}}

    restores = False  # void is final

    def delete(self, name: str) -> None:
        self.now += 60
        self.rows["invoices"][name]["status"] = "void"

    def canonical(self, name: str) -> tuple[str, str, str]:
        return "invoices", "invoice_id", f"stripe-{name}"

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("invoices", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            ("GET", "/v1/invoices", {"params": {"limit": 101}}),
            ("GET", "/v1/invoices", {"params": {"updated[gte]": 1}}),
            ("GET", "/v1/invoices", {"headers": {"stripe-version": "2010-01-01"}}),
            ("GET", "/v1/invoice", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        self.add(
            "2",
            amount_due=5_000,
            currency="jpy",
            status="paid",
            status_transitions={"paid_at": self.now + 60},
        )
        self.add("3", status="draft")
        price = {
            "unit_amount": 2_000,
            "currency": "usd",
            "recurring": {"interval": "month", "interval_count": 1},
        }
        yearly = {
            "unit_amount": 50_000,
            "currency": "usd",
            "recurring": {"interval": "year", "interval_count": 1},
        }
        items = [
            {"id": "si_1", "quantity": 5, "price": price},
            {"id": "si_2", "quantity": 1, "price": yearly},
        ]
        self.rows["subscriptions"] = {
            "sub_1": {
                "id": "sub_1",
                "object": "subscription",
                "customer": self.customer(1),
                "status": "active",
                "start_date": self.now,
                "created": self.now,
                "currency": "usd",
                "items": {"object": "list", "data": items},
            }
        }
        return {
            "invoices": {
                "stripe-1": {"account_id": "a1", "amount": "120.5", "paid_at": None},
                # Without a rate to the company's dollars an amount in yen is unknown.
                "stripe-2": {"amount": None, "currency": "JPY", "paid_at": "2026-01-01 00:02:00"},
            },
            # 5 x 20 a month and 500 a year: monthly and yearly items of one subscription add up.
            "contracts": {"stripe-sub_1": {"account_id": "a1", "arr": "1700.0", "seats": "6.0"}},
        }

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.secret['api_key']}":
            raise RefusedError(
                401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}
            )
        if request.headers.get("stripe-version") not in VERSIONS:
            raise RefusedError(400, {"error": {"message": "Invalid Stripe API version"}})
        name = request.path.removeprefix("/v1/")
        if name not in ("customers", "invoices", "subscriptions"):
            raise RefusedError(404, {"error": {"message": "Unrecognized request URL"}})
        asked = only(
            request, "limit", "starting_after", "ending_before", "created[gte]", "status", "customer"
        )
        size = min(at_most(asked.get("limit", 10), 100), PAGE)
        if name == "invoices":
            self.saw_main()
        rows = sorted(self.rows.get(name, {}).values(), key=lambda row: (-row["created"], row["id"]))
        rows = [row for row in rows if row["created"] >= int(asked.get("created[gte]", 0))]
        if "starting_after" in asked:
            place = [row["id"] for row in rows].index(asked["starting_after"])
            rows = rows[place + 1 :]
        shown = rows[:size]
        data = self.shown(shown) if name == "invoices" else shown
        return Answer(
            body={"object": "list", "url": request.path, "has_more": len(rows) > size, "data": data}
        )
