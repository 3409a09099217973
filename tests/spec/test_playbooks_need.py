"""Whoever needs a step has one: small customers, contracts by the month, open tickets; and has it once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.lib.follow_through import seen
from tests.lib.headlines import headlines
from tests.lib.ledger import outcome, promised, publish, run

from customer_health.ledger.crm_tasks import take_in

SMALL = {"arr": 2_000.0, "expected_loss": 60.0}


def enrolled(ledger: object) -> set[str]:
    return {row["account_id"] for row in promised(ledger, "enroll", playbook="small_account")}


def test_a_small_customer_that_needs_a_step_gets_the_digital_programme_whatever_its_tier(ledger):
    """Each of the first four stood at 79 to 92, Healthy, with nothing at work."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(
        ledger,
        2,
        {
            "by_the_month": {"score": 82, "reasons": [], "attention": True, **SMALL},
            "wants_a_change": {
                "score": 79,
                "reasons": [],
                "facts": headlines("contract_modification"),
                **SMALL,
            },
            "piled": {"score": 84, "reasons": [], "review": True, **SMALL},
            "attention": {"score": 60, "reasons": [], **SMALL},
            "calm": {"score": 84, "reasons": [], "facts": headlines("low_nps"), **SMALL},
            "large": {"score": 84, "reasons": [], "facts": headlines("contract_modification")},
        },
    )
    run(ledger, 2)
    assert enrolled(ledger) == {"by_the_month", "wants_a_change", "piled", "attention"}
    assert "decisive fact" in outcome(ledger, 2, "wants_a_change", "small_account")[1]
    assert outcome(ledger, 2, "calm", "small_account") == (
        "no_match",
        "nothing asks for a step",
    )


def test_a_contract_by_the_month_that_needs_attention_is_prepared_like_a_renewal(ledger):
    """Its next decision is always near, and it has no renewal date to say so."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    monthly = {"score": 87, "reasons": [], "attention": True, "days_to_renewal": None, "renewal_date": None}
    publish(ledger, 2, {"acme": monthly, "calm": {**monthly, "attention": False}})
    run(ledger, 2)
    tasks = promised(ledger, "create_task", playbook="renewal_at_risk")
    assert [task["account_id"] for task in tasks] == ["acme"]


def test_a_ticket_that_nobody_answers_is_somebodys_task(ledger):
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": {"score": 88, "reasons": [], "facts": headlines("unanswered_tickets")}})
    run(ledger, 2)
    assert [task["payload"]["type"] for task in promised(ledger, "create_task")] == ["support_recovery"]


@pytest.mark.parametrize(("first", "then"), [(20, 35), (35, 20)])
def test_a_step_of_a_save_is_asked_for_once_an_episode_however_its_tier_moves(ledger, first, then):
    """From Critical to Red within one episode: the same audit, call and review were asked for twice."""
    publish(ledger, 1, {"acme": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": first})
    run(ledger, 2)
    before = {task["payload"]["type"] for task in promised(ledger, "create_task")}
    publish(ledger, 3, {"acme": then})
    run(ledger, 3)
    tasks = [task["payload"]["type"] for task in promised(ledger, "create_task")]
    assert sorted(tasks) == sorted(set(tasks))
    assert before <= set(tasks)
    assert "urgent_review" in tasks  # what only the graver play asks for comes with it


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        ("late_ebr", "schedule_ebr"),
        ("low_adoption", "adoption_review"),
        ("low_nps", "detractor_followup"),
    ],
)
def test_a_fact_that_no_play_answered_is_one_conversation_and_no_check_in_beside_it(ledger, fact, kind):
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    told = headlines(fact)
    grave = headlines(fact, "silent_account")
    publish(
        ledger,
        2,
        {
            "acme": {"score": 94, "reasons": [], "facts": told},
            "piled": {"score": 84, "reasons": [], "facts": told, "review": True},
            "silent": {"score": 60, "reasons": [], "facts": grave},
        },
    )
    run(ledger, 2)
    tasks = [(task["account_id"], task["payload"]["type"]) for task in promised(ledger, "create_task")]
    assert [own for who, own in tasks if who == "acme"] == [kind]
    assert kind not in {own for who, own in tasks if who != "acme"}


@pytest.mark.parametrize(
    ("facts", "subject"),
    [
        (("contract_modification",), "Find out what they want to change, and why"),
        (("asks_to_cancel",), "Find out what they want to change, and why"),
        (("names_competitor",), "Find out what they compare us with"),
        (("contract_modification", "names_competitor"), "Find out what they compare us with"),
    ],
)
def test_nobody_is_sent_after_a_competitor_where_only_a_change_was_asked_for(ledger, facts, subject):
    publish(ledger, 1, {"acme": {"score": 84, "reasons": [], "facts": headlines(*facts)}})
    run(ledger, 1)
    (task,) = promised(ledger, "create_task", playbook="comparing_vendors")
    assert subject in task["payload"]["subject"]
    assert task["payload"]["type"] == "commercial_review"


@pytest.mark.parametrize("score", [60, 84])
def test_an_account_marked_for_review_is_looked_at_every_month(ledger, score):
    """The monthly review leaves it to the review of facts, whose turn came every two months."""
    piled = {"score": score, "reasons": [], "facts": headlines("escalation", "low_nps"), "review": True}
    days = range(1, 92, 7)
    for number in days:
        publish(ledger, number, {"acme": piled})
        run(ledger, number)
        done = promised(ledger, "create_task", playbook="facts_review")[-1]
        take_in(ledger, [seen(done, 24 * number, status="completed", task_id=done["key"])])
    asked = [task["as_of"] for task in promised(ledger, "create_task", playbook="facts_review")]
    assert max((later - earlier).days for earlier, later in pairwise(asked)) <= 30
    assert len(asked) == 4
