"""Actions: what waits is shown in full; everything can be reached; a preview is not a delivery."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import action_queries
from customer_health.ledger.action_queries import ActionFilters
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from tests.lib import airflow_env, page_company

PAGE = "/customer-health/actions"


@pytest.fixture
def ledger(company: Path) -> Engine:
    return open_ledger(f"sqlite:///{company}/ledger.db")


@pytest.fixture
def lead(api_server: TestClient, company: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Somebody who may act."""
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(company))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", page_company.TODAY.isoformat())
    monkeypatch.setitem(
        api_server.headers, "Authorization", f"Bearer {airflow_env.token_of(api_server, 'admin')}"
    )
    return api_server


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_what_waits_shows_its_whole_text_beside_approve_and_decline(lead: TestClient, ledger: Engine) -> None:
    waiting = admin.awaiting(ledger)
    assert len(waiting) >= 3
    html = lead.get(PAGE).text
    articles = re.findall(r"<article.*?</article>", html, re.S)
    assert len(articles) == min(len(waiting), 20)
    for article, row in zip(articles, waiting, strict=False):
        assert row["verb"] == "draft_email", "the story's approvals are mails"
        for words in (row["payload"]["subject"], row["payload"]["body"].split("\n")[0]):
            assert " ".join(words.split()) in unescape(text_of(article))
        assert f"{row['key']}/approve" in article
        assert f"{row['key']}/decline" in article


def test_every_action_but_silent_field_updates_can_be_reached_by_pages(
    lead: TestClient, ledger: Engine
) -> None:
    every = {row["key"] for row in admin.find(ledger) if row["verb"] != "set_fields"}
    seen: set[str] = set()
    for page in range(1, len(every) // 50 + 2):
        html = lead.get(PAGE, params={"page": page}).text
        seen |= set(re.findall(r'<td class="why"><a href="/customer-health/actions/([0-9a-f-]{36})"', html))
    assert seen == every
    silent = sum(row["verb"] == "set_fields" for row in admin.find(ledger))
    assert f"{silent} silent field updates" in text_of(lead.get(PAGE).text)


@pytest.mark.parametrize(
    ("name", "value"), [("state", "rejected"), ("verb", "enroll"), ("destination", "slack"), ("playbook", "")]
)
def test_a_filter_lists_exactly_what_it_names(ledger: Engine, name: str, value: str) -> None:
    rows = [row for row in admin.find(ledger) if row["verb"] != "set_fields"]
    value = value or rows[0]["playbook"]
    found = action_queries.listing(ledger, ActionFilters(**{name: value}), limit=9999)
    assert {row["key"] for row in found} == {row["key"] for row in rows if row[name] == value}
    assert found
    assert action_queries.count(ledger, ActionFilters(**{name: value})) == len(found)


def test_actions_are_found_by_the_owner_of_their_account_and_by_day(ledger: Engine) -> None:
    found = action_queries.listing(ledger, ActionFilters(owner="dana@example.com"), limit=9999)
    assert {int(row["account_id"][-2:]) % 4 for row in found} == {0}
    days = {row["as_of"] for row in admin.find(ledger)}
    for day in sorted(days)[:2]:
        assert {row["as_of"] for row in action_queries.listing(ledger, ActionFilters(day=day), limit=99)} <= {
            day
        }


def test_a_preview_is_never_called_delivered(lead: TestClient, ledger: Engine) -> None:
    key = next(row["key"] for row in admin.find(ledger, state="delivered"))
    for html in (lead.get(f"{PAGE}/{key}").text, lead.get(PAGE, params={"state": "delivered"}).text):
        assert 'state-previewed">previewed<' in html
        assert "state-delivered" not in html
    day = lead.get(f"/customer-health/day/{page_company.TODAY}").text
    assert "state-previewed" in day
    assert "state-delivered" not in day
    by_destination = lead.get(PAGE).text.split("By destination and state")[1]
    assert ">previewed<" in by_destination
    assert ">delivered<" not in by_destination


def test_to_send_again_is_shown_before_it_is_done_and_changes_nothing(
    lead: TestClient, ledger: Engine
) -> None:
    row = admin.find(ledger, state="rejected")[0]
    html = lead.get(f"{PAGE}/{row['key']}").text
    assert "What would be sent once more" in html
    assert row["payload"]["owner"]["email"] in text_of(html)
    assert admin.find(ledger, state="rejected")[0] == row


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?state=gone", "No action has the state “gone”"),
        ("?day=tomorrow", "“tomorrow” is not a date"),
        ("?page=0", "“0” is not a page number"),
        ("?limit=5", "which this page does not know"),
    ],
)
def test_what_the_address_says_wrongly_gets_a_sentence(lead: TestClient, query: str, said: str) -> None:
    answer = lead.get(PAGE + query)
    assert answer.status_code == 200
    assert said in answer.text


def test_an_unknown_action_is_a_404(lead: TestClient) -> None:
    assert lead.get(f"{PAGE}/nothing").status_code == 404
