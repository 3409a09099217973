"""A ledger written by an earlier version opens, keeps what it holds, and works."""

from __future__ import annotations

import sqlite3

import pytest
from tests.lib.ledger import day, new_ledger, promised, publish, run

from customer_health.errors import ConfigurationError
from customer_health.ledger import outbox_desk

NEW_TABLES = ("episode_events", "task_states", "holdout", "switches", "trainings", "findings")
NEW_COLUMNS = {
    "outbox": ("after_key", "expires_at"),
    "scores": ("currency", "p90_downgrade", "p180_contraction", "loss180"),
    "score_runs": ("note",),
    "episodes": ("cause", "red_model_id", "recovery_cause"),
}


@pytest.fixture
def old(tmp_path):
    """A ledger of version 1 in which acme has just turned Red."""
    engine = new_ledger(tmp_path)
    for number, score in ((1, 61), (2, 20)):
        publish(engine, number, {"acme": score, "calm": 90})
        run(engine, number)
    engine.dispose()
    con = sqlite3.connect(tmp_path / "ledger.db")
    con.execute("DROP INDEX outbox_after")
    for table in NEW_TABLES:
        con.execute(f"DROP TABLE {table}")
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            con.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    con.execute("UPDATE ledger_version SET version = 1")
    con.commit()
    con.close()
    return tmp_path


def test_an_older_ledger_is_brought_up_to_date_when_it_is_opened(old):
    engine = new_ledger(old)
    before = {row["key"] for row in outbox_desk.find(engine)}
    publish(engine, 3, {"acme": 52, "calm": 90})
    run(engine, 3)
    publish(engine, 4, {"acme": 52, "calm": 90})
    run(engine, 4)

    assert before <= {row["key"] for row in outbox_desk.find(engine)}
    states = [row["payload"]["status"]["state"] for row in promised(engine, "update_message")]
    assert states[-1] == "recovered"
    assert promised(engine, "notify", account_id="acme", as_of=day(2))
    engine.dispose()
    new_ledger(old).dispose()  # and again, without a change


def test_a_newer_ledger_is_refused(old):
    con = sqlite3.connect(old / "ledger.db")
    con.execute("UPDATE ledger_version SET version = 99")
    con.commit()
    con.close()
    with pytest.raises(ConfigurationError, match="schema version 99"):
        new_ledger(old)
