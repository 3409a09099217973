"""The account page shows the newest usage audit that a playbook attached, and none where none was made."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_seats_users_and_dropped_features_stand_on_the_account_page(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/account/acme").text
    text = text_of(html)
    assert "41 of 100 seats in use (41%), 30% fewer than the four weeks before." in text
    assert "Licensed seats 100" in text
    assert "Active, 90 days unknown" in text
    assert "week of 21 Aug 2026: 60" in text
    assert html.count('<rect class="level"') >= 13
    assert "100 seats" in text


def test_a_features_name_is_text_and_never_markup(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/account/acme").text
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_an_account_that_was_not_audited_has_no_empty_section(visitor: TestClient) -> None:
    assert "Usage audit" not in visitor.get("/customer-health/account/bolt").text
