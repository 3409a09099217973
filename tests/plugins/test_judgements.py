"""What a lead and a CSM say of an account on its page: signed, beside the score, of what they see only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import account_queries, overrides, scores
from tests.lib import airflow_env, ledger_facts
from tests.lib.ledger import score_row
from tests.lib.ledger_facts import EVIL, TODAY

PREFIX = "/customer-health"
OURS = {"Origin": "http://testserver"}
NOON = datetime.combine(TODAY, time(12), UTC)
UNTIL = (TODAY + timedelta(days=30)).isoformat()
OVERRIDE = {"account_id": "acme", "tier": "Healthy", "until": UNTIL, "reason": "the CFO has signed"}
LIMITED = """
roles:
  limited: true
  people: {viewer: dana@example.com, user: lee@example.com, admin: vera@example.com}
  leads: [vera@example.com]
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(tmp_path / "company.yaml"))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    (tmp_path / "company.yaml").write_text("name: Northwind\n", encoding="utf-8")
    engine = ledger_facts.fill(tmp_path)
    topics = [
        {"topic": "asks_to_cancel", "kind": "intent", "texts": 2, "confidence": 0.9, "last": "2026-11-12",
         "said_in": [{"table": "ticket_messages", "id": EVIL, "on": "2026-11-12", "confidence": 0.9}]},
    ]  # fmt: skip
    own = {"owner_email": "dana@example.com", "manager_email": "lee@example.com"}
    rows = [
        score_row("acme", 22, name="Acme GmbH", topics=topics, **own),
        score_row("bolt", 60, owner_email="kim@example.com"),
    ]
    scores.publish(engine, pd.DataFrame(rows), TODAY, published_at=datetime.combine(TODAY, time(5), UTC))
    return engine


@pytest.fixture
def ask(api_server: TestClient, ledger: Engine) -> Iterator[Any]:
    def asked(person: str, what: str, **form: Any) -> Any:
        api_server.cookies.clear()
        api_server.cookies.set("_token", airflow_env.token_of(api_server, person))
        how = {"headers": OURS, "follow_redirects": False}
        if not form:
            return api_server.get(f"{PREFIX}{what}", **how)
        return api_server.post(f"{PREFIX}/judgements/{what}", data=form, **how)

    yield asked
    api_server.cookies.clear()


@pytest.fixture
def everybody_acts(api_server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", lambda *_, **__: True)


def test_an_override_is_signed_shown_told_once_and_ended(ask: Any, ledger: Engine) -> None:
    before = scores.of(ledger, TODAY)["score"].tolist()
    answer = ask("admin", "override", **OVERRIDE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}/account/acme")
    kept = account_queries.override_of(ledger, "acme", NOON)
    assert kept is not None
    assert (kept["owner"], kept["tier"], kept["model_score"]) == ("admin", "Healthy", 22)
    shown = ask("admin", "/account/acme").text
    assert "admin says: Healthy" in shown
    assert "The override stands beside the score" not in shown  # said once, by the cookie of the answer
    assert ask("admin", "end-override", account_id="acme", reason="they left").status_code == 303
    assert account_queries.override_of(ledger, "acme", NOON) is None
    assert ask("admin", "end-override", account_id="acme", reason="they left").status_code == 409
    assert scores.of(ledger, TODAY)["score"].tolist() == before


def test_a_pulse_is_signed_and_shown_with_its_note(ask: Any, ledger: Engine) -> None:
    assert ask("admin", "pulse", account_id="acme", value=2, note=EVIL).status_code == 303
    told = account_queries.pulses_of(ledger, "acme")[0]
    assert (told["by"], told["pulse"], told["note"]) == ("admin", 2, EVIL)
    shown = ask("admin", "/account/acme").text
    assert "2 of 5</strong> by admin" in shown
    assert EVIL not in shown


def test_a_pulse_from_the_companys_own_tool_is_shown_until_somebody_gives_one_here(
    ask: Any, ledger: Engine
) -> None:
    assert "as your own tool brought it" not in ask("admin", "/account/acme").text
    rows = [score_row("acme", 22, csm_pulse=4.0), score_row("bolt", 60)]
    scores.publish(ledger, pd.DataFrame(rows), TODAY, published_at=datetime.combine(TODAY, time(6), UTC))
    brought = "<strong>4 of 5</strong>, the CSM's pulse as your own tool brought it"
    assert brought in ask("admin", "/account/acme").text.replace("&#39;", "'")
    ask("admin", "pulse", account_id="acme", value=2, note="")
    assert "as your own tool brought it" not in ask("admin", "/account/acme").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tier": "Splendid"}, "There is no tier"),
        ({"until": "soon"}, "is not a date"),
        ({"until": "2020-01-01"}, "cannot hold until"),
        ({"reason": " "}, "needs who and why"),
    ],
)
def test_an_override_that_cannot_hold_is_refused_with_a_sentence(
    ask: Any, ledger: Engine, wrong: dict[str, str], words: str
) -> None:
    answer = ask("admin", "override", **(OVERRIDE | wrong))
    assert answer.status_code == 409
    assert words in answer.text
    assert overrides.history(ledger) == []


@pytest.mark.parametrize(("value", "status"), [("6", 409), ("many", 422)])
def test_a_pulse_outside_its_range_is_refused(ask: Any, ledger: Engine, value: str, status: int) -> None:
    assert ask("admin", "pulse", account_id="acme", value=value).status_code == status
    assert account_queries.pulses_of(ledger, "acme") == []


def test_who_may_not_act_sees_no_form_and_is_refused(ask: Any, ledger: Engine) -> None:
    assert "/judgements/" in ask("admin", "/account/acme").text
    assert "/judgements/" not in ask("viewer", "/account/acme").text
    assert ask("viewer", "override", **OVERRIDE).status_code == 403
    assert ask("viewer", "pulse", account_id="acme", value=1).status_code == 403
    assert overrides.history(ledger) == []


def test_a_form_of_another_site_is_refused(api_server: TestClient, ask: Any, ledger: Engine) -> None:
    ask("admin", "/account/acme")
    for what in ("override", "end-override", "pulse"):
        form = {**OVERRIDE, "value": "1"}
        for origin in ({"Origin": "https://evil.example"}, {}):
            answer = api_server.post(f"{PREFIX}/judgements/{what}", data=form, headers=origin)
            assert answer.status_code == 403, (what, origin)
    assert overrides.history(ledger) == []


@pytest.mark.usefixtures("everybody_acts")
def test_a_csm_gives_a_pulse_and_the_lead_of_the_owner_an_override(
    ask: Any, ledger: Engine, tmp_path: Path
) -> None:
    (tmp_path / "company.yaml").write_text(LIMITED, encoding="utf-8")
    given = {who: ask(who, "override", **OVERRIDE).status_code for who in ("viewer", "user", "admin", "op")}
    assert given == {"viewer": 403, "user": 303, "admin": 303, "op": 404}
    felt = {who: ask(who, "pulse", account_id="acme", value=4).status_code for who in given}
    assert felt == {"viewer": 303, "user": 303, "admin": 303, "op": 404}
    assert ask("viewer", "pulse", account_id="bolt", value=4).status_code == 404
    page = ask("viewer", "/account/acme").text
    assert "/judgements/pulse" in page
    assert "/judgements/override" not in page


def test_what_the_customer_states_is_shown_with_kind_confidence_and_place(ask: Any) -> None:
    shown = ask("viewer", "/account/acme").text
    for words in ("What they say", "Asks to cancel", "intent", "90%", "2 texts", "ticket message &lt;script"):
        assert words in shown, words
    assert "What they say" not in ask("viewer", "/account/bolt").text
