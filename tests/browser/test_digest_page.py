"""The Monday digest as mail programs and printers show it: one page, and nothing wider than its window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from customer_health.destinations.mailbox import digest_mail
from tests.browser.look import AXE

LONG = "Müller & Söhne Beteiligungsgesellschaft für Anlagenbau und Verwaltung mbH " * 3
ENTRY = {
    "account_id": "acme", "name": LONG, "score": 27, "before": 61, "tier": "Critical", "why": LONG,
    "arr": 1_240_000.0, "currency": "EUR", "days_to_renewal": 54.0, "red_since": "2026-11-02",
    "owner": f"{'x' * 60}@example.com",
}  # fmt: skip
FULL = {"count": 99, "entries": [ENTRY] * 8}
ROW = {"accounts": 1234, "arr": 9.9e6, "accounts_change": -12, "arr_change": 1e5}
PAYLOAD = {
    "kind": "weekly", "to": "lee@example.com", "company": LONG, "page": "https://air.example/customer-health",
    "as_of": "2026-11-09", "published_at": "2026-11-09T05:00:00+00:00", "currency": "EUR",
    "tiers": dict.fromkeys(("Critical", "At Risk", "Attention", "Healthy"), ROW),
    "tiers_compared_from": "2026-11-17",
    "company_wide": "Company-wide, so no single account's headline: escalated to management, 26% of "
    "customers; toxic support tickets, 26% of customers; nps detractor, 31% of customers; and 2 more facts.",
    "renewals": {
        "quarter": "2026-Q4", "currency": "EUR", "share": 0.9, "renewals": 120, "arr": 9e6, "arr_unknown": 3,
        "expected": 8e6, "low": 7e6, "high": 8.5e6, "notice": 4, "notice_arr": 2e5,
    },
    "rejected_rows": {"contracts": 3, "usage": 41_000}, "refused": 2, "awaiting_approval": 5, "small": FULL,
    **{name: FULL for name, _ in digest_mail.SECTIONS},
}  # fmt: skip


@pytest.mark.parametrize("width", [760, 320])
def test_the_fullest_digest_fits_a_phone_and_breaks_no_rule(browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_content(digest_mail.html(PAYLOAD))
    wide = page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
    page.evaluate(f"() => {{ {AXE}; return 1 }}")
    found = page.evaluate("async () => (await axe.run(document)).violations.map(fault => fault.id)")
    page.close()
    assert (max(wide, 0), found) == (0, [])


def test_the_fullest_digest_prints_on_one_page(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.set_content(digest_mail.html(PAYLOAD))
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1
