"""Who may approve, decline and send again from the page, and who is kept from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import delivery_log
from customer_health.ledger import model_registry as registry
from customer_health.ledger.outbox import admin as outbox_desk
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
    assert answer.headers["location"] == ACTIONS
    assert answer.cookies["customer_health_done"] == verb
    assert browser.get(answer.headers["location"]).status_code == 200
    assert state_of(ledger, key) == then
    assert delivery_log.of(ledger, key)[-1]["detail"] == f"admin: {WHY['reason']}"


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


MODEL = "/customer-health/model"
OWN = {"Origin": "http://testserver"}


@pytest.fixture
def waiting(ledger: Engine) -> str:
    """A training that chose the rules and waits: no artefact to load."""
    office = registry.ChampionRecord("model-1", "", {}, "rules", "It scores.", date(2026, 10, 1))
    registry.promote(ledger, office)
    record = registry.ChampionRecord(
        "rules-2", "", {}, "rules", "It won.", date(2026, 11, 1),
        summary={"promotion": {"reasons": ["It waits for approval."]}, "limits": ["Few losses taught it."]},
    )  # fmt: skip
    registry.propose(ledger, record, state="pending", reason="It waits for approval.")
    return record.model_id


@pytest.mark.parametrize(
    ("verb", "in_office", "told"),
    [
        ("approve", "rules-2", "Approved: it is the champion now"),
        ("reject", "model-1", "Rejected: the champion in use stays."),
    ],
)
def test_a_waiting_model_is_answered_on_its_page_by_name_and_with_a_reason(
    browser: TestClient, ledger: Engine, waiting: str, verb: str, in_office: str, told: str
) -> None:
    html = browser.get(MODEL).text
    assert f'formaction="{MODEL}/{waiting}/{verb}"' in html
    assert "Few losses taught it." in html

    answer = browser.post(f"{MODEL}/{waiting}/{verb}", data=WHY, headers=OWN, follow_redirects=False)

    assert answer.status_code == 303, answer.text
    html = browser.get(answer.headers["location"]).text
    assert told in html
    assert "A training waits" not in html
    assert "agreed with the CFO" in html, "the reason stays with the decision"
    record = registry.current(ledger)
    assert record is not None
    assert record.model_id == in_office
    again = browser.post(f"{MODEL}/{waiting}/{verb}", data=WHY, headers=OWN)
    assert again.status_code == 409
    assert "does not wait for approval" in again.text


def test_nobody_else_answers_for_a_model(
    api_server: TestClient, ledger: Engine, waiting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = {"Authorization": f"Bearer {airflow_env.token_of(api_server, 'viewer')}"}
    assert 'method="post"' not in api_server.get(MODEL, headers=viewer).text
    assert api_server.post(f"{MODEL}/{waiting}/approve", data=WHY, headers=viewer).status_code == 403
    assert api_server.post(f"{MODEL}/{waiting}/approve", data=WHY).status_code == 401
    company = tmp_path / "company.yaml"
    company.write_text("playbooks: {approvers: [dana]}\n")
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(company))
    admin = {"Authorization": f"Bearer {airflow_env.token_of(api_server, 'admin')}"}
    refused = api_server.post(f"{MODEL}/{waiting}/approve", data=WHY, headers=admin)
    assert (refused.status_code, "Ask one of: dana" in refused.text) == (409, True)
    assert api_server.post(f"{MODEL}/{waiting}/promote", data=WHY, headers=admin).status_code == 404
    pending = registry.pending(ledger)
    assert pending is not None
    assert pending.model_id == waiting


def test_another_sites_form_and_an_empty_reason_leave_the_model_waiting(
    browser: TestClient, ledger: Engine, waiting: str
) -> None:
    address = f"{MODEL}/{waiting}/approve"
    assert browser.post(address, data=WHY, headers={"Origin": "https://evil.example"}).status_code == 403
    assert "A reason is needed." in browser.post(address, data={"reason": " "}, headers=OWN).text
    assert registry.pending(ledger) is not None
