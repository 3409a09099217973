"""Before other settings are merged: which playbooks and open tasks would lose their ground."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.lib.headlines import headlines
from tests.lib.ledger import day, morning, new_ledger, promised, publish, run, score_row

from customer_health.company import CompanyConfig
from customer_health.ledger import crm_tasks
from customer_health.ledger.crm_tasks import TaskSeen
from customer_health.playbooks.lost_ground import Ground, compare


@pytest.fixture
def ledger(tmp_path):
    """Acme's sponsor left on day 2, and a task is open; beta's invoice is overdue."""
    engine = new_ledger(tmp_path)
    publish(engine, 1, {"acme": 85, "beta": 85})
    run(engine, 1)
    publish(engine, 2, rows())
    run(engine, 2)
    yield engine
    engine.dispose()


def rows(acme: Any = ("sponsor_left",)) -> dict[str, dict[str, Any]]:
    return {
        "acme": score_row("acme", 85, reasons=[], facts=headlines(*acme)),
        "beta": score_row("beta", 85, reasons=[], facts=headlines("overdue_invoices")),
    }


def asked(ledger, then: dict[str, dict[str, Any]], **other: Any) -> Ground:
    with ledger.connect() as connection:
        return compare(connection, day(2), rows(), then, CompanyConfig(), CompanyConfig.model_validate(other))


def test_the_same_settings_take_the_ground_from_nothing(ledger):
    found = asked(ledger, rows())
    assert found.open_tasks == len(promised(ledger, "create_task"))
    assert (list(found.lost), list(found.playbooks)) == ([], [])


def test_a_fact_that_other_thresholds_switch_off_takes_its_play_and_its_task_along(ledger):
    found = asked(ledger, rows(acme=()))
    (task,) = found.lost
    assert (task.account_id, task.playbook) == ("acme", "sponsor_left")
    assert "Win the next sponsor" in task.subject
    assert "headline facts are none of sponsor_left" in task.why
    changed = {name: (before, after) for name, before, after, _ in found.playbooks}
    assert changed["sponsor_left"] == (1, 0)
    assert "overdue_invoices" not in changed


def test_a_playbook_that_is_paused_is_named_with_its_tasks(ledger):
    found = asked(ledger, rows(), playbooks={"paused": ["overdue_invoices"]})
    assert [(task.account_id, task.why) for task in found.lost] == [("beta", "it is paused")]
    assert [name for name, *_, why in found.playbooks if why] == ["overdue_invoices"]


def test_a_completed_task_has_nothing_to_lose(ledger):
    (task,) = promised(ledger, "create_task", playbook="sponsor_left")
    at = morning(2) + timedelta(hours=5)
    crm_tasks.take_in(
        ledger, [TaskSeen(task["key"], "t-1", "completed", "dana@example.com", None, at, at, at)]
    )
    found = asked(ledger, rows(acme=()))
    assert found.open_tasks == len(promised(ledger, "create_task")) - 1
    assert list(found.lost) == []
