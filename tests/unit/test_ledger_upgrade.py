"""A ledger written by an earlier version opens, keeps what it holds, and works."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, inspect, select, text
from tests.lib.ledger import day, promised, publish, run
from tests.lib.ledgers import ledger_url

from customer_health.errors import ConfigurationError
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin

__all__ = ["ledger_url"]  # every test here runs on SQLite and on Postgres

NEW_TABLES = ("episode_events", "task_states", "holdout", "switches", "trainings", "findings")
NEW_COLUMNS = {
    "outbox": ("after_key", "expires_at"),
    "scores": ("currency", "p90_downgrade", "p180_contraction", "loss180"),
    "score_runs": ("note",),
    "episodes": ("cause", "red_model_id", "recovery_cause"),
}


@pytest.fixture
def old(ledger_url):
    """Address of a ledger of version 1 in which acme has just turned Red."""
    engine = open_ledger(ledger_url)
    for number, score in ((1, 61), (2, 20)):
        publish(engine, number, {"acme": score, "calm": 90})
        run(engine, number)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX outbox_after"))
        connection.execute(text("DROP INDEX outbox_turn"))
        connection.execute(text("CREATE INDEX outbox_due ON outbox (destination, state, not_before)"))
        for table in NEW_TABLES:
            connection.execute(text(f"DROP TABLE {table}"))
        for table, columns in NEW_COLUMNS.items():
            for column in columns:
                connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("UPDATE ledger_version SET version = 1"))
    engine.dispose()
    return ledger_url


def test_an_older_ledger_is_brought_up_to_date_when_it_is_opened(old):
    engine = open_ledger(old)
    before = {row["key"] for row in admin.find(engine)}
    publish(engine, 3, {"acme": 52, "calm": 90})
    run(engine, 3)
    publish(engine, 4, {"acme": 52, "calm": 90})
    run(engine, 4)

    assert before <= {row["key"] for row in admin.find(engine)}
    states = [row["payload"]["status"]["state"] for row in promised(engine, "update_message")]
    assert states[-1] == "recovered"
    assert promised(engine, "notify", account_id="acme", as_of=day(2))
    indexes = {index["name"] for index in inspect(engine).get_indexes("outbox")}
    assert "outbox_turn" in indexes
    assert "outbox_due" not in indexes
    engine.dispose()
    open_ledger(old).dispose()  # and again, without a change


@pytest.mark.parametrize("version", ["old", "none"])
def test_several_that_open_it_at_once_upgrade_or_create_it_once(ledger_url, version, request):
    if version == "old":
        request.getfixturevalue("old")
    errors, gate = [], threading.Barrier(4)

    def opens():
        gate.wait()
        try:
            open_ledger(ledger_url).dispose()
        except Exception as error:  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=opens) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    engine = open_ledger(ledger_url)
    with engine.connect() as connection:
        assert connection.execute(select(schema.version.c.version)).scalars().all() == [schema.VERSION]
    engine.dispose()


def test_a_newer_ledger_is_refused(old):
    engine = create_engine(old)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_version SET version = 99"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match="schema version 99"):
        open_ledger(old)
