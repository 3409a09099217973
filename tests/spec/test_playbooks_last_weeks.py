"""In the last 30 days before a renewal somebody knows whether it is signed, if anything speaks against it."""

from __future__ import annotations

import pytest
from tests.lib.follow_through import seen
from tests.lib.headlines import headlines
from tests.lib.ledger import day, outcome, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.ledger.crm_tasks import take_in
from customer_health.playbooks.playbook import load_playbooks

WELL = {"score": 85, "reasons": [], "days_to_renewal": 25.0}
PLAY = "renewal_confirmation"


def asked(ledger, playbook=PLAY):
    return [(row["account_id"], row["as_of"]) for row in promised(ledger, "create_task", playbook=playbook)]


@pytest.mark.parametrize(
    ("columns", "due"),
    [
        ({}, False),
        ({"attention": True}, True),
        ({"score": 61}, True),
        ({"score": 45}, True),
        ({"score": 20}, True),
        ({"facts": headlines("core_action_drop"), "review": True}, True),
        ({"facts": [{**fact, "weighs": False} for fact in headlines("escalation")]}, False),
        ({"attention": True, "days_to_renewal": 0.0}, True),
        ({"attention": True, "days_to_renewal": 30.0}, True),
        ({"attention": True, "days_to_renewal": 31.0}, False),
        ({"attention": True, "days_to_renewal": -1.0}, False),
        ({"attention": True, "days_to_renewal": None}, False),
        ({"attention": True, "arr": 900.0, "expected_loss": 20.0}, False),
    ],
)
def test_whether_it_is_signed_is_asked_where_anything_speaks_against_it(ledger, columns, due):
    """375,000 a year, 25 days to go and nothing at work; and a renewal today."""
    publish(ledger, 1, {"acme": {**WELL, **columns}})
    run(ledger, 1)
    assert asked(ledger) == ([("acme", day(1))] if due else [])


def test_a_plan_that_was_closed_in_autumn_does_not_answer_for_the_last_weeks(ledger):
    """Its own rest of 90 days reaches past the renewal."""
    near = {"score": 80, "reasons": [], "attention": True}
    publish(ledger, 1, {"acme": {**near, "days_to_renewal": 60.0}})
    run(ledger, 1)
    (plan,) = promised(ledger, "create_task", playbook="renewal_at_risk")
    take_in(ledger, [seen(plan, 24, status="completed", outcome="not actionable")])
    for number in (8, 15, 22, 29, 36, 43, 50, 57):
        publish(ledger, number, {"acme": {**near, "days_to_renewal": 61.0 - number}})
        run(ledger, number)
    assert asked(ledger) == [("acme", day(36))]
    assert asked(ledger, "renewal_at_risk") == [("acme", day(1))]


def test_a_plan_of_the_last_two_weeks_is_not_doubled(ledger):
    """Asked for at 32 days: whether it is signed can wait until the plan had its time."""
    near = {"score": 80, "reasons": [], "attention": True}
    for number, left in ((1, 32.0), (8, 25.0), (14, 19.0), (15, 18.0)):
        publish(ledger, number, {"acme": {**near, "days_to_renewal": left}})
        run(ledger, number)
    assert asked(ledger, "renewal_at_risk") == [("acme", day(1))]
    assert asked(ledger) == [("acme", day(15))]
    assert f"renewal plan was asked for on {day(1)}" in outcome(ledger, 8, "acme", PLAY)[1]


def test_one_question_is_asked_and_no_plan_or_check_in_beside_it(ledger):
    for number in range(1, 29, 3):
        told = headlines("late_ebr")
        publish(ledger, number, {"acme": {**WELL, "attention": True, "facts": told}})
        run(ledger, number)
    assert [row["playbook"] for row in promised(ledger, "create_task")] == [PLAY]


def test_a_guard_that_waits_for_a_task_nobody_asks_for_is_refused(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "first.yaml").write_text(
        "name: first\ntitle: T\nbecause: B.\nonce_per: quarter\nwhen: {tier: healthy}\ndo:\n"
        "  - create_task: {type: call, subject: S, due_in: 7d, unless: {asked: {cal: 14}}}\n"
    )
    with pytest.raises(ConfigurationError, match="no playbook asks for a task of the type 'cal'"):
        load_playbooks(CompanyConfig(), own)
