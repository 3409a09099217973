"""Nobody is asked a second time for what they have not finished yet, whichever play would ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.lib.follow_through import seen
from tests.lib.headlines import headlines
from tests.lib.ledger import day, outcome, promised, publish, run
from tests.lib.ledgers import ledger_url

from customer_health.ledger.crm_tasks import UNTOLD, EarlierTasks, earlier_tasks, take_in
from customer_health.ledger.engine import open_ledger

__all__ = ["ledger_url"]

UNPAID = {"score": 84, "reasons": [], "facts": headlines("overdue_invoices")}


def tell(ledger, row, number, status):
    """The CRM tells on day `number` where a task stands."""
    take_in(ledger, [seen(row, 24 * (number - 2), status=status, task_id=row["key"][:8])])


def live(ledger, number, row):
    publish(ledger, number, {"acme": row})
    run(ledger, number)


@pytest.mark.parametrize("status", ["open", "in_progress", None])
def test_the_same_task_is_not_asked_for_again_while_the_first_is_open(ledger, status):
    """Two invoice tasks lay side by side once the cooldown of 60 days was over."""
    live(ledger, 1, UNPAID)
    (first,) = promised(ledger, "create_task", playbook="overdue_invoices")
    if status:
        tell(ledger, first, 20, status)
    live(ledger, 70, UNPAID)
    assert promised(ledger, "create_task", playbook="overdue_invoices") == [first]
    said = outcome(ledger, 70, "acme", "overdue_invoices")
    assert said == ("done_already", f"without overdue_invoice: still open since {day(1)}")


def test_it_is_asked_for_again_once_the_first_is_closed_and_the_fact_holds(ledger):
    live(ledger, 1, UNPAID)
    (first,) = promised(ledger, "create_task", playbook="overdue_invoices")
    tell(ledger, first, 65, "completed")
    live(ledger, 70, UNPAID)
    assert [task["as_of"] for task in promised(ledger, "create_task", playbook="overdue_invoices")] == [
        day(1),
        day(70),
    ]


def test_a_task_of_which_nobody_tells_does_not_stand_in_the_way_for_ever(ledger):
    """A CRM whose tasks are not read would silence the play."""
    later = 1 + UNTOLD // timedelta(days=1)
    live(ledger, 1, UNPAID)
    live(ledger, later - 1, UNPAID)
    assert len(promised(ledger, "create_task", playbook="overdue_invoices")) == 1
    live(ledger, later, UNPAID)
    assert len(promised(ledger, "create_task", playbook="overdue_invoices")) == 2


def test_another_play_does_not_ask_for_what_one_has_asked_for(ledger):
    """A review that is overdue, and 40 days later a review because the account is at risk."""
    live(ledger, 1, {"score": 90, "reasons": [], "facts": headlines("late_ebr")})
    assert len(promised(ledger, "create_task", step="schedule_ebr")) == 1
    live(ledger, 41, {"score": 45, "reasons": []})
    assert len(promised(ledger, "create_task", step="schedule_ebr")) == 1
    decided, why = outcome(ledger, 41, "acme", "at_risk")
    assert decided == "fired"  # our executive is still asked for
    assert f"without schedule_ebr: still open since {day(1)}" in why
    assert len(promised(ledger, "create_task", step="exec_involvement")) == 1


def test_a_save_play_that_runs_again_leaves_out_what_is_still_being_done(ledger):
    """The account recovers and falls again; the first audit is done, the outreach is not."""
    for number, score in ((1, 80), (2, 20), (3, 80), (18, 80), (19, 80)):
        live(ledger, number, score)
    for task in promised(ledger, "create_task", playbook="critical_save"):
        tell(ledger, task, 10, "in_progress" if task["step"] == "executive_outreach" else "completed")
    live(ledger, 30, 20)
    steps = [task["step"] for task in promised(ledger, "create_task") if task["as_of"] == day(30)]
    assert "usage_audit" in steps
    assert "executive_outreach" not in steps
    (first,) = promised(ledger, "create_task", step="executive_outreach")
    take_in(ledger, [seen(first, 24 * 31, status="completed", task_id=first["key"][:8])])
    live(ledger, 34, 20)
    assert promised(ledger, "create_task", step="executive_outreach") == [first]
    assert "in this episode" in outcome(ledger, 34, "acme", "critical_save")[1]


def test_what_became_of_earlier_tasks_is_known_on_either_engine(ledger_url):
    """One closed and one open of a type: it is open since the older open one, and was closed when it was."""
    ledger = open_ledger(ledger_url)
    for number in (1, 95, 96):
        live(ledger, number, UNPAID)
    first, _ = promised(ledger, "create_task", playbook="overdue_invoices")
    tell(ledger, first, 97, "completed")
    with ledger.connect() as connection:
        known = earlier_tasks(connection, day(97))["acme"]
        before = earlier_tasks(connection, day(95))["acme"]
    assert known == {"overdue_invoice": EarlierTasks(day(95), day(95), day(97))}
    assert before["overdue_invoice"].asked_on == day(1)
