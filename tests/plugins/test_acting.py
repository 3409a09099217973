"""Who may approve, decline and send again from the page, and who is kept from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import outbox_desk
from tests.lib import airflow_env, ledger_facts

ACTIONS = "/customer-health/actions"
WHY = {"reason": "agreed with the CFO"}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", ledger_facts.TODAY.isoformat())
    return ledger_facts.fill(tmp_path)


@pytest.fixture
def browser(api_server: TestClient) -> Iterator[TestClient]:
    """An admin's browser: the session is a cookie that travels with every request."""
    api_server.cookies.set("_token", airflow_env.token_of(api_server, "admin"))
    yield api_server
    api_server.cookies.clear()


def key_of(ledger: Engine, state: str) -> str:
    return str(outbox_desk.find(ledger, state=state)[0]["key"])


def state_of(ledger: Engine, key: str) -> str:
    return str(next(row for row in outbox_desk.find(ledger) if row["key"] == key)["state"])


def post(client: TestClient, key: str, verb: str, **how: Any) -> Any:
    return client.post(f"{ACTIONS}/{key}/{verb}", data=WHY, follow_redirects=False, **how)


@pytest.mark.parametrize(
    ("state", "verb", "then"),
    [
        ("awaiting_approval", "approve", "pending"),
        ("awaiting_approval", "decline", "declined"),
        ("rejected", "resend", "pending"),
    ],
)
def test_whoever_may_start_a_delivery_acts_in_their_own_name(
    browser: TestClient, ledger: Engine, state: str, verb: str, then: str
) -> None:
    key = key_of(ledger, state)
    answer = post(browser, key, verb, headers={"Origin": "http://testserver"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{ACTIONS}?done={verb}"
    assert browser.get(answer.headers["location"]).status_code == 200
    assert state_of(ledger, key) == then
    assert outbox_desk.diary(ledger, key)[-1]["detail"] == f"admin: {WHY['reason']}"


def test_a_stranger_is_asked_to_log_in(api_server: TestClient, ledger: Engine) -> None:
    key = key_of(ledger, "rejected")
    assert post(api_server, key, "resend").status_code == 401
    assert state_of(ledger, key) == "rejected"


def test_a_viewer_reads_but_does_not_act_and_sees_no_form(api_server: TestClient, ledger: Engine) -> None:
    key = key_of(ledger, "rejected")
    viewer = {"Authorization": f"Bearer {airflow_env.token_of(api_server, 'viewer')}"}
    assert post(api_server, key, "resend", headers=viewer).status_code == 403
    assert state_of(ledger, key) == "rejected"
    assert 'method="post"' not in api_server.get(ACTIONS, headers=viewer).text


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://testserver.evil.example"])
def test_another_sites_form_does_nothing_in_an_admins_browser(
    browser: TestClient, ledger: Engine, origin: str | None
) -> None:
    key = key_of(ledger, "awaiting_approval")
    answer = post(browser, key, "approve", headers={"Origin": origin} if origin else {})
    assert answer.status_code == 403
    assert "did not come from the page" in answer.text
    assert state_of(ledger, key) == "awaiting_approval"


@pytest.mark.parametrize("reason", ["", "    ", "ok"])
def test_nothing_is_done_without_a_typed_reason(browser: TestClient, ledger: Engine, reason: str) -> None:
    key = key_of(ledger, "rejected")
    headers = {"Origin": "http://testserver"}
    answer = browser.post(f"{ACTIONS}/{key}/resend", data={"reason": reason}, headers=headers)
    assert answer.status_code == 409
    assert "A reason is needed." in answer.text
    assert state_of(ledger, key) == "rejected"


def test_what_cannot_be_done_says_why(browser: TestClient, ledger: Engine) -> None:
    headers = {"Origin": "http://testserver"}
    assert (
        "waits for no approval" in post(browser, key_of(ledger, "pending"), "approve", headers=headers).text
    )
    assert post(browser, "no-such-key", "resend", headers=headers).status_code == 409
    assert post(browser, key_of(ledger, "pending"), "delete", headers=headers).status_code == 404


def test_an_admin_sees_the_forms_that_fit_each_state(browser: TestClient, ledger: Engine) -> None:
    html = browser.get(f"{ACTIONS}?state=awaiting_approval").text
    key = key_of(ledger, "awaiting_approval")
    assert f'formaction="{ACTIONS}/{key}/approve"' in html
    assert f'formaction="{ACTIONS}/{key}/decline"' in html
    assert 'method="post"' not in browser.get(f"{ACTIONS}?state=pending").text
