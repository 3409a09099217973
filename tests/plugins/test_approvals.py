"""A person answers in Airflow's own form, and the ledger knows who it was."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from customer_health import pipeline
from customer_health.destinations.slack import slack_destination as slack
from customer_health.effects.effect import Effect, effect_key
from customer_health.errors import ConfigurationError
from customer_health.ledger import delivery_log, model_registry
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.model_registry import ChampionRecord
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.playbook_config import PlaybookConfig
from customer_health.settings import Settings, load_settings
from customer_health_airflow import approvals
from tests.lib.destinations import RIGS
from tests.lib.ledger_facts import EVIL

NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.delenv("CUSTOMER_HEALTH_TODAY", raising=False)
    return load_settings()


@pytest.fixture
def ledger(settings: Settings) -> Engine:
    return open_ledger(settings.ledger_url)


def promise(ledger: Engine, name: str, *, ends: timedelta = timedelta(hours=72)) -> str:
    """Put a concession into the outbox, which waits for approval; return its key."""
    key = effect_key(name, "critical_save", "ep-1", "concession", "crm")
    effect = Effect(
        key=key,
        destination="crm",
        verb="create_task",
        account_id=name,
        as_of=NOW.date(),
        playbook="critical_save",
        step="concession",
        episode_id="ep-1",
        payload={
            "subject": f"20 % off for {EVIL}",
            "approval": "required",
            "approval_asks": "May this be offered?",
            "expires_at": (NOW + ends).isoformat(),
        },
    )
    with writing(ledger) as connection:
        outbox.add(connection, [effect], now=NOW)
    return key


def row(ledger: Engine, key: str) -> Any:
    return next(found for found in admin.find(ledger) if found["key"] == key)


def answering(api_server: TestClient, how: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """Answer, as admin through the REST API, the first open question that appears."""
    headers = {"Authorization": f"Bearer {airflow_env.token_of(api_server, 'admin')}"}
    asked: list[dict[str, Any]] = []

    def wait() -> None:
        for _ in range(1200):
            found = api_server.get(
                "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false", headers=headers
            )
            # While a run writes, Airflow's own database may be locked for a moment: ask again.
            for detail in found.json()["hitl_details"] if found.status_code == 200 else ():
                task = detail["task_instance"]
                # Airflow locks the row against an answer that comes before the task is parked; SQLite
                # has no row locks, and such an answer would wake nobody.
                if task["state"] != "awaiting_input":
                    continue
                asked.append(detail)
                address = (
                    f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
                )
                answer = api_server.patch(f"/api/v2/{address}/-1/hitlDetails", json=how, headers=headers)
                if answer.status_code == 200:
                    return
                asked.pop()
            time.sleep(0.1)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()

    def joined() -> list[dict[str, Any]]:
        thread.join(timeout=15)
        assert asked, "no form appeared"
        return asked

    return joined


@pytest.mark.timeout(240)  # a form that nobody answers would wait for days, and the test with it
def test_an_approval_in_airflow_frees_the_effect_and_keeps_name_and_reason(
    api_server: TestClient, bag: DagBag, settings: Settings, ledger: Engine
) -> None:
    key = promise(ledger, "acme")
    how = {"chosen_options": ["Approve"], "params_input": {"note": "agreed with the CFO"}}
    asked = answering(api_server, how)
    run = bag.dags["approve_actions"].test(run_conf={"kind": "effect", "id": key})
    (form,) = asked()
    assert form["subject"] == "May this be offered? acme"
    assert form["options"] == ["Approve", "Reject"]
    assert form["defaults"] == ["Reject"]
    assert "    where      crm: create task" in form["body"], "in indented code nothing is markup"
    assert all(line.startswith("    ") for line in form["body"].splitlines() if EVIL in line)
    assert run.state == "success"
    assert row(ledger, key)["state"] == "pending"
    assert delivery_log.of(ledger, key)[-1]["detail"] == "admin: agreed with the CFO"


def test_a_question_that_was_answered_elsewhere_is_not_asked(
    bag: DagBag, settings: Settings, ledger: Engine
) -> None:
    key = promise(ledger, "acme")
    admin.decline(ledger, key, by="lee", reason="too early", now=NOW)
    run = bag.dags["approve_actions"].test(run_conf={"kind": "effect", "id": key})
    with create_session() as session:
        assert [ti.state for ti in session.merge(run).task_instances] == ["skipped"]
    assert row(ledger, key)["state"] == "declined"


def test_each_open_question_gets_one_run_however_often_the_hour_strikes(
    bag: DagBag, settings: Settings, ledger: Engine
) -> None:
    wanted = {approvals.run_id_of("effect", promise(ledger, name)) for name in ("bolt", "calm")}
    for _ in range(2):
        assert bag.dags["tick_outbox"].test().state == "success"
    with create_session() as session:
        query = select(DagRun).where(DagRun.dag_id == "approve_actions", DagRun.run_id.in_(wanted))
        runs = session.scalars(query).all()
        assert sorted(run.run_id for run in runs) == sorted(wanted)
        for run in runs:
            run.state = "success"  # nobody is there to work on them


@pytest.mark.parametrize(("approve", "state"), [(True, "pending"), (False, "declined")])
def test_an_answer_changes_the_effect_once_and_a_second_one_changes_nothing(
    settings: Settings, ledger: Engine, approve: bool, state: str
) -> None:
    key = promise(ledger, "duna")

    def answer(by: str, yes: bool) -> str:
        return approvals.settle(
            settings, "effect", key, approve=yes, by=by, reason="we talked", now=datetime.now(UTC)
        )

    assert answer("dana", approve).endswith("by dana.")
    assert "Nothing was changed." in answer("lee", not approve)
    assert row(ledger, key)["state"] == state


def test_who_is_no_approver_changes_nothing(settings: Settings, ledger: Engine) -> None:
    key = promise(ledger, "duna")
    playbooks = settings.config.playbooks.model_copy(update={"approvers": ("dana",)})
    strict = settings.model_copy(
        update={"config": settings.config.model_copy(update={"playbooks": playbooks})}
    )
    found = approvals.question(strict, "effect", key)
    assert found is not None
    assert found.approvers == ("dana",)
    said = approvals.settle(strict, "effect", key, approve=True, by="lee", reason="we talked", now=NOW)
    assert "lee may not approve" in said
    late = approvals.settle(strict, "effect", key, approve=False, by=approvals.NOBODY, reason="late", now=NOW)
    assert "declined by nobody" in late


def test_a_training_that_waits_is_a_question_and_yes_makes_it_champion(
    settings: Settings, ledger: Engine
) -> None:
    record = ChampionRecord(
        "rules-2026-11-01", str(settings.models), {}, "rules", "Nothing beat it.", NOW.date()
    )
    model_registry.propose(ledger, record, state="pending", reason="A person decides.")
    assert approvals.waiting(settings) == [{"kind": "model", "id": record.model_id}]
    found = approvals.question(settings, "model", record.model_id)
    assert found is not None
    assert "Nothing beat it." in found.body
    said = approvals.settle(
        settings, "model", record.model_id, approve=True, by="dana", reason="checked", now=NOW
    )
    assert said == f"{record.model_id} was approved by dana."
    present = model_registry.current(ledger)
    assert present is not None
    assert present.model_id == record.model_id
    assert approvals.waiting(settings) == []


def test_a_question_in_airflow_does_not_keep_the_name_of_the_customers_person(
    settings: Settings, ledger: Engine
) -> None:
    key = effect_key("acme", "critical_save", "ep-1", "draft_email", "email")
    reader = {"contact_id": "c-1", "name": "Nadia Ruiz-Peña", "first_name": "Nadia", "title": "CFO"}
    letter = {
        "sender": {"email": "lee@example.com"},
        "subject": "Acme and us",
        "body": "Hello Nadia,\n\nSome words.",
    }
    payload = {**letter, "recipient": reader, "for_whom": "For Nadia Ruiz-Peña, CFO.", "approval": "required"}
    payload |= {"expires_at": (NOW + timedelta(hours=72)).isoformat()}
    effect = Effect(
        key=key, destination="email", verb="draft_email", account_id="acme", as_of=NOW.date(),
        playbook="critical_save", step="draft_email", episode_id="ep-1", payload=payload,
    )  # fmt: skip
    with writing(ledger) as connection:
        outbox.add(connection, [effect], now=NOW)
    found = approvals.question(settings, "effect", key)
    assert found is not None
    assert "Hello [name: see the page]," in found.body
    assert "Some words." in found.body
    assert "Nadia" not in found.body


SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


def test_approvers_are_known_by_name_or_by_number_as_the_auth_manager_wants() -> None:
    listed = ("3=dana", "4=lee")
    by_number = [{"id": "3", "name": "dana"}, {"id": "4", "name": "lee"}]
    assert approvals.respondents(listed, FAB) == by_number
    assert approvals.respondents(listed, SIMPLE) == [{"id": name, "name": name} for name in ("dana", "lee")]
    assert PlaybookConfig(approvers=listed).approver_names == ("dana", "lee")


def test_an_approver_whom_fab_could_not_know_is_refused_before_anybody_waits() -> None:
    with pytest.raises(ConfigurationError, match="lists lee without a number") as refused:
        approvals.respondents(("3=dana", "lee"), FAB)
    assert "/ui/auth/me" in refused.value.hint


@pytest.mark.parametrize("listed", ["x=dana", "3=", "a=b=c", ""])
def test_a_misspelt_approver_is_refused_when_the_file_is_loaded(tmp_path: Path, listed: str) -> None:
    company = tmp_path / "company.yaml"
    company.write_text(f"playbooks: {{approvers: ['{listed}']}}")
    with pytest.raises(ConfigurationError, match="approvers"):
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=tmp_path)


@pytest.mark.timeout(240)  # a form that nobody answers would wait for days, and the test with it
def test_the_link_to_the_form_is_in_slack_once_however_often_the_task_runs(
    api_server: TestClient,
    bag: DagBag,
    settings: Settings,
    ledger: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = RIGS["slack"]()
    monkeypatch.setattr(
        slack, "SlackDestination", partial(slack.SlackDestination, base_url=rig.server.url + "/")
    )
    company = tmp_path / "company.yaml"
    company.write_text(
        "destinations: {slack: slack}\n"
        "connections: {slack: {channels: {'#csm-alerts': C0000001}, per_second: 50, burst: 20}}\n"
    )
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(company))
    monkeypatch.setenv("CUSTOMER_HEALTH_SECRET_SLACK", '{"token": "xoxb-1"}')
    key = promise(ledger, "acme")
    asked = answering(api_server, {"chosen_options": ["Reject"], "params_input": {"note": "too early"}})
    bag.dags["approve_actions"].test(run_conf={"kind": "effect", "id": key})
    asked()
    now = datetime.now(UTC)
    said = approvals.promise_link(load_settings(), "effect", key, title="Again?", link="x", now=now)
    pipeline.deliver_effects(load_settings(), destination="slack", now=now)
    posts = [message for message in rig.server.messages.values() if message["channel"] == "C0000001"]
    rig.server.close()
    assert said == "The link was promised before."
    (post,) = posts
    assert "May this be offered?" in str(post["blocks"])
    assert "approve_actions" in str(post["blocks"])
    assert "<script>" not in str(post["blocks"])
