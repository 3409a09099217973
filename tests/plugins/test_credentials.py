"""With a Slack token and CRM keys in Airflow connections everything leaves, and no log shows a key."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.connection import Connection
from airflow.sdk.log import redact
from airflow.utils.session import create_session
from sqlalchemy import Engine, delete

from customer_health.destinations import opening
from customer_health.destinations.slack import slack_destination as slack
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.settings import load_settings
from tests.lib.destinations import RIGS, Rig, effect

NOW = datetime.now(UTC)
CRM: dict[str, dict[str, Any]] = {
    "salesforce": {"extra": '{"consumer_key": "ck-1", "consumer_secret": "cs-1", "domain": "acme.my"}'},
    "hubspot": {"password": "pat-1"},
}
SECRETS = ("xoxb-1", "ck-1", "cs-1", "pat-1")


@pytest.fixture(params=CRM)
def crm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A CRM of each kind, to which every https session of ours leads."""
    rig = RIGS[request.param]()
    rig.add("acme")
    monkeypatch.setattr(opening, "session_for", lambda options: rig.server.session(2.0))
    yield rig
    rig.server.close()


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A Slack."""
    rig = RIGS["slack"]()
    made = partial(slack.SlackDestination, base_url=rig.server.url + "/")
    monkeypatch.setattr(slack, "SlackDestination", made)
    yield rig
    rig.server.close()


@pytest.fixture
def ledger(
    crm: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Engine]:
    """A company that has a CRM and Slack, and has promised something to both."""
    kind = request.node.callspec.params["crm"]
    company = tmp_path / "company.yaml"
    company.write_text(
        f"destinations: {{crm: {kind}, slack: slack}}\n"
        "connections: {slack: {channels: {'#csm-alerts': C0000001}, per_second: 50, burst: 20}}\n"
        "playbooks: {fallback_owner: dana@example.com}\n"
    )
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(company))
    monkeypatch.delenv("CUSTOMER_HEALTH_TODAY", raising=False)
    engine = open_ledger(load_settings().ledger_url)
    with writing(engine) as connection:
        verbs = (("create_task", "crm"), ("set_fields", "crm"), ("notify", "slack"))
        outbox.add(connection, [effect(verb, to=to) for verb, to in verbs], now=NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def connections(crm: Rig, request: pytest.FixtureRequest) -> Iterator[None]:
    """What a platform team types into Admin, Connections."""
    airflow_env.migrate()
    kind = request.node.callspec.params["crm"]
    wanted = [
        Connection(conn_id="customer_health_slack", conn_type="generic", password="xoxb-1"),
        Connection(conn_id=f"customer_health_{kind}", conn_type="generic", **CRM[kind]),
    ]
    with create_session() as session:
        session.add_all(wanted)
    yield
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id.startswith("customer_health_")))


def states(ledger: Engine) -> dict[str, dict[str, int]]:
    return admin.tally(ledger)


@pytest.mark.usefixtures("connections")
@pytest.mark.parametrize("dag_id", ["deliver_effects", "tick_outbox"])
def test_what_was_promised_leaves_with_the_keys_of_the_connections(
    bag: DagBag, ledger: Engine, crm: Rig, workspace: Rig, dag_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run = bag.dags[dag_id].test()

    assert run.state == "success"
    assert states(ledger)["crm"] == {"delivered": 2}
    assert states(ledger)["slack"] == {"delivered": 1}
    assert len(workspace.server.history) == 1
    assert {one.kind.lower().rstrip("s") for one in crm.server.history} >= {"task"}
    said = "".join(capfd.readouterr())
    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.usefixtures("connections")
def test_a_key_that_slack_repeats_is_masked_in_the_log(bag: DagBag, ledger: Engine, workspace: Rig) -> None:
    bag.dags["audit_deliveries"].test()  # reads the same connections

    assert "xoxb-1" not in str(redact("invalid_auth: xoxb-1 is revoked"))


def test_without_connections_the_task_says_which_one_to_make(
    bag: DagBag, ledger: Engine, workspace: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    run = bag.dags["deliver_effects"].test()

    assert run.state == "failed"
    said = "".join(capfd.readouterr())
    assert "The credentials of slack lack token." in said
    assert "customer_health_slack" in said
    assert set(states(ledger)["slack"]) == {"pending"}  # the alert, and a notice to the data team
