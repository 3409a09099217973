"""Thousands of score fields go to Salesforce as one job, and each row's fate is its own."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from tests.lib.destinations import RIGS, effect
from tests.lib.ledger import morning, new_ledger

from customer_health.delivery.dispatch import deliver
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox

ENOUGH = 230  # with the threshold of these tests


@pytest.fixture
def rig():
    rig = RIGS["salesforce"]()
    rig.destination.bulk_from, rig.destination.sleep = 5, lambda seconds: None
    yield rig
    rig.server.close()


def fields(rig, count=ENOUGH, days=2, **given):
    """Effects for `count` accounts that the org knows."""
    known = {row.get("CHS_Account_Id__c") for row in rig.server.tables["Account"].values()}
    for number in range(count):
        if f"acct-{number}" not in known:
            rig.add(f"acct-{number}")
    return [effect("set_fields", f"acct-{number}", to="crm", days=days, **given) for number in range(count)]


def calls(rig):
    found = Counter()
    for request in rig.server.requests:
        path = request.path.split("/services/data/")[-1].partition("/")[2]
        found[f"{request.method} {'jobs' if path.startswith('jobs') else path.split('/')[0]}"] += 1
    return found


def test_many_fields_are_one_job_and_few_are_collections(rig, tmp_path):
    ledger = new_ledger(tmp_path)
    many, few = fields(rig), fields(rig, 4, days=3)
    with writing(ledger) as connection:
        outbox.add(connection, many, now=morning(2))
    assert deliver(ledger, rig.destination, now=lambda: morning(2)).delivered == ENOUGH
    assert (calls(rig)["POST jobs"], calls(rig)["PATCH composite"]) == (1, 0)
    with writing(ledger) as connection:
        outbox.add(connection, few, now=morning(3))
    assert deliver(ledger, rig.destination, now=lambda: morning(3)).delivered == 4
    assert (calls(rig)["POST jobs"], calls(rig)["PATCH composite"]) == (1, 1)
    assert [rig.landed(one) for one in many] == [1] * ENOUGH
    ledger.dispose()


def test_a_field_without_a_value_is_emptied_and_words_survive_the_csv(rig):
    hostile = 'Said "no", twice;\n=1+1, 30 % ünder, \u202e'
    first = fields(rig, 3)
    first[1].payload["fields"].update(p_churn_90=None, why=hostile)
    outcomes = rig.destination.deliver_bulk(first)
    assert all(isinstance(one, str) for one in outcomes)
    row = rig.server.tables["Account"][outcomes[1]]
    assert row["AI_Health_P90__c"] is None
    assert row["AI_Health_Why__c"].startswith('Said "no", twice;')
    assert "ünder" in row["AI_Health_Why__c"]


def test_each_row_has_its_own_fate(rig):
    effects = fields(rig, 4)
    rig.add("acct-2")  # two records share the external id
    rig.server.processes = 3
    gone = effect("set_fields", "nobody", to="crm")
    outcomes = rig.destination.deliver_bulk([gone, *effects])

    assert isinstance(outcomes[0], RejectedError)
    assert "REQUIRED_FIELD_MISSING" in outcomes[0].message
    assert all(isinstance(one, str) for one in outcomes[1:3])
    assert all(isinstance(one, BusyError) for one in outcomes[3:])  # the job was aborted before them

    rig.server.processes = None
    doubled = rig.destination.deliver_bulk(effects)[2]
    assert isinstance(doubled, RejectedError)
    assert "merge them" in doubled.hint


def test_of_two_days_of_one_account_the_newer_is_written_and_both_are_done(rig):
    (old,), (new,) = fields(rig, 1, days=2), fields(rig, 1, days=3)
    outcomes = rig.destination.deliver_bulk([new, old])
    assert outcomes[0] == outcomes[1]
    assert rig.server.tables["Account"][outcomes[0]]["CHS_Action_Key__c"] == new.key


def test_a_field_that_the_org_lacks_refuses_the_job_and_names_the_setting(rig):
    rig.server.unknown_fields = {"AI_Health_Why__c"}
    outcomes = rig.destination.deliver_bulk(fields(rig, 2))
    assert all(isinstance(one, RejectedError) for one in outcomes)
    assert "Field name not found : AI_Health_Why__c" in outcomes[0].message
    assert "run doctor" in outcomes[0].hint


def test_a_job_that_does_not_end_in_time_is_unknown_and_repeating_it_harms_nothing(rig):
    rig.server.polls_needed = 10_000
    effects = fields(rig, 2)
    with pytest.raises(UnknownOutcomeError, match="is InProgress after"):
        rig.destination.deliver_bulk(effects)
    rig.server.polls_needed = 1
    rig.destination.deliver_bulk(effects)
    assert [rig.landed(one) for one in effects] == [1, 1]


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("fault", ["500_before", "reset_after", "garbage_after", "auth_expired"])
def test_whatever_happens_to_any_of_its_calls_every_row_lands_in_the_end(rig, tmp_path, place, fault):
    ledger = new_ledger(tmp_path)
    effects = fields(rig, 6)
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=morning(2))
    rig.server.next.extend([None] * place + [fault])
    now = morning(2)
    for _ in range(5):
        deliver(ledger, rig.destination, now=lambda at=now: at)
        now += timedelta(minutes=11)

    assert admin.tally(ledger) == {"crm": {"delivered": 6}}
    assert [rig.landed(one) for one in effects] == [1] * 6
    ledger.dispose()
