"""What became of our tasks in the CRM: read as known on the day, recognised, and taken at their word."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
from tests.lib.follow_through import after, fall, said, seen, task
from tests.lib.ledger import day, morning
from tests.lib.remote import Remote

from customer_health.delivery.dispatch import deliver
from customer_health.errors import FatalError
from customer_health.ledger import crm_tasks, episode_events
from customer_health.ledger.crm_tasks import TaskSeen
from customer_health.warehouse.tables import TABLES


def test_an_outcome_chosen_in_the_crm_or_by_hand_is_recorded_with_who_said_it(ledger):
    episode = fall(ledger)
    crm_tasks.take_in(ledger, [seen(task(ledger), 30, status="completed", outcome="False alarm")])
    after(ledger, 31)
    assert said(ledger) == [
        "[Judged false alarm by dana@example.com: chosen in the CRM when closing executive outreach]"
    ]

    with pytest.raises(FatalError, match="Did you mean one of: saved"):
        episode_events.record_outcome(ledger, episode, "savd", by="lee", reason="renewed", now=morning(4))
    episode_events.record_outcome(
        ledger, episode, "partly", by="lee", reason="renewed with fewer seats", now=morning(4)
    )
    after(ledger, 54)
    assert said(ledger)[-1] == "[Judged partly by lee: renewed with fewer seats]"


def test_an_older_state_of_a_task_does_not_undo_a_newer_one(ledger):
    fall(ledger)
    row = task(ledger)
    crm_tasks.take_in(ledger, [seen(row, 30, status="completed")])
    assert crm_tasks.take_in(ledger, [seen(row, 20, status="open")]) == 0
    assert crm_tasks.of_episode(ledger, row["episode_id"])[0]["status"] == "completed"
    assert (
        crm_tasks.take_in(ledger, [TaskSeen("no-key", "t", "open", None, None, None, None, morning(3))]) == 0
    )


def test_the_crms_tasks_are_read_from_the_warehouse_as_known_on_the_day(ledger):
    fall(ledger)
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    columns = ", ".join(f"{name} {c.type.value}" for name, c in TABLES["crm_tasks"].columns.items())
    con.execute(f"CREATE TABLE raw.crm_tasks ({columns})")
    begun = (morning(2) + timedelta(hours=30)).replace(tzinfo=None)
    con.execute(
        "INSERT INTO raw.crm_tasks (task_id, account_id, effect_key, status, started_at, known_at) "
        "VALUES ('t', 'acme', ?, 'in_progress', ?, ?)",
        [task(ledger)["key"], begun, begun],
    )

    assert crm_tasks.read_tasks(con, day(3)) == []
    assert crm_tasks.take_in(ledger, crm_tasks.read_tasks(con, day(4))) == 1
    after(ledger, 47)
    assert said(ledger) == ["[First step begun 3 Nov 11:00 UTC]"]


@pytest.mark.parametrize("how", ["effect_key", "external_id", "remote_id"])
def test_a_task_is_recognised_by_our_key_our_external_id_or_the_crms_own_id(ledger, tmp_path, how):
    """Not every CRM gives back every field; whichever it keeps, the right step is done."""
    fall(ledger)
    if how == "remote_id":
        deliver(ledger, Remote(tmp_path, "crm"), now=lambda: morning(2))
    row = task(ledger, "value_realization_call")
    known = {"effect_key": "", "task_id": "t-9", "account_id": "acme", "external_id": None}
    known |= {
        "effect_key": {"effect_key": row["key"]},
        "external_id": {"external_id": row["payload"]["external_id"]},
        "remote_id": {"task_id": row["remote_id"]},
    }[how]
    done = morning(2) + timedelta(hours=9)
    state = {"status": "completed", "owner": "dana@example.com", "outcome": "saved"}
    state |= {"started_at": None, "completed_at": done, "known_at": done}

    assert crm_tasks.take_in(ledger, [TaskSeen(**known, **state)]) == 1

    (kept,) = crm_tasks.of_episode(ledger, row["episode_id"])
    assert (kept["step"], kept["status"]) == ("value_realization_call", "completed")
    events = {event["kind"]: event for event in episode_events.events_of(ledger, row["episode_id"])}
    assert events["begun"]["detail"]["step"] == "value_realization_call"
    assert events["outcome"]["detail"]["outcome"] == "saved"


def test_a_task_that_somebody_else_made_is_nobodys_step(ledger):
    fall(ledger)
    at = morning(2) + timedelta(hours=9)
    stranger = TaskSeen("", "t-77", "completed", "x@y.z", "saved", at, at, at, "acme", "their-own-id")
    assert crm_tasks.take_in(ledger, [stranger]) == 0
    assert after(ledger, 53)["escalated"] == 1
