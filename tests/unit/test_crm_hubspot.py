"""HubSpot: partial failures stay partial, links follow records, a spent day is not a spent second."""

import pytest
from tests.lib.destinations import effect, no_pace
from tests.lib.servers.hubspot import COMPANY_KEY, HubspotPortal

from customer_health.connections.connection_options import Secret
from customer_health.connections.hubspot_connection import HubspotOptions
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.crm.hubspot import HubspotClient, HubspotDestination
from customer_health.effects.destination import (
    BusyError,
    RateLimitedError,
    RejectedError,
    UnknownOutcomeError,
)
from customer_health.errors import ConfigurationError


@pytest.fixture
def portal():
    portal = HubspotPortal()
    for account in ("acme", "bolt"):
        portal.add("companies", **{COMPANY_KEY: account})
    portal.owners["dana@example.com"] = "77"
    yield portal
    assert portal.violations == []
    portal.close()


def connect(portal, secret=Secret({"access_token": "pat-1"}), **options):  # noqa: B008
    settings = HubspotOptions(**options)
    client = HubspotClient(secret, portal.session(), no_pace())
    return HubspotDestination("crm", client, settings, fallback_owner="lead@example.com")


def test_a_task_is_upserted_by_key_and_hangs_on_its_company(portal):
    crm, promise = connect(portal), effect("create_task")
    assert crm.find(promise) is None
    first, second = crm.deliver(promise), crm.deliver(promise)

    assert first == second == crm.find(promise)
    (task,) = portal.tables["tasks"].values()
    assert (task["hubspot_owner_id"], task["hs_task_priority"]) == ("77", "HIGH")
    assert portal.links == {("tasks", first, "1001")}


@pytest.mark.parametrize("echoes", [True, False])
def test_rows_are_recognised_by_what_the_answer_must_hold(portal, echoes):
    """By the trace id where it comes back, by the record's id, and else by asking; not by luck."""
    portal.echoes_trace = echoes
    for verb, kind in (("create_task", "tasks"), ("set_fields", "companies")):
        effects = [effect(verb, account) for account in ("acme", "bolt")]
        remote = connect(portal).deliver_many(effects)
        found = [portal.tables[kind][number]["chs_action_key"] for number in remote]
        assert found == [one.key for one in effects]


def test_of_a_batch_with_a_bad_row_the_others_land(portal):
    outcomes = connect(portal).deliver_many([effect("set_fields", name) for name in ("acme", "gone", "bolt")])
    assert [type(outcome).__name__ for outcome in outcomes] == ["str", "RejectedError", "str"]
    assert "never linked" in outcomes[1].hint
    assert portal.tables["companies"]["1001"]["ai_health_score"] == "27"
    assert len(portal.tables["companies"]) == 2  # nobody invents companies


def test_a_row_that_another_writer_holds_is_busy_alone(portal):
    crm = connect(portal)
    crm.deliver_many([effect("set_fields", name) for name in ("acme", "bolt")])
    portal.next.append("row_error")
    first, second = crm.deliver_many([effect("set_fields", name, days=3) for name in ("acme", "bolt")])
    assert isinstance(first, BusyError)
    assert isinstance(second, str)


def test_a_property_that_does_not_exist_names_itself_and_the_setting(portal):
    portal.unknown_properties = {"ai_health_why"}
    with pytest.raises(RejectedError, match="ai_health_why") as caught:
        connect(portal).deliver(effect("set_fields"))
    assert "connections.hubspot" in caught.value.hint


def test_a_poisonous_row_is_found_by_halving_and_the_rest_lands(portal):
    for number in range(30):
        portal.add("companies", **{COMPANY_KEY: f"a{number}"})
    effects = [effect("set_fields", f"a{number}") for number in range(30)]
    poison = effects[17]
    crm = connect(portal)
    ordinary = crm._input

    def input_(verb, one):
        row = ordinary(verb, one)
        return row if one is not poison else row | {"properties": row["properties"] | {"bad": "x"}}

    crm._input = input_
    portal.unknown_properties = {"bad"}
    outcomes = crm.deliver_many(effects)
    assert [place for place, outcome in enumerate(outcomes) if not isinstance(outcome, str)] == [17]


def test_a_spent_second_waits_and_a_spent_day_stops_the_channel(portal):
    crm = connect(portal)
    portal.next.append("429")
    with pytest.raises(BusyError) as caught:
        crm.deliver(effect("set_fields"))
    assert (type(caught.value), caught.value.retry_after) == (RateLimitedError, 1.0)
    portal.policy = "DAILY"
    portal.next.append("429")
    with pytest.raises(DestinationUnavailableError) as caught:
        crm.deliver(effect("set_fields"))
    assert caught.value.retry_after >= 3600


def test_a_lost_token_stops_the_channel_for_a_person(portal):
    with pytest.raises(DestinationUnavailableError) as caught:
        connect(portal, Secret({"access_token": "wrong"})).deliver(effect("set_fields"))
    assert caught.value.needs_person
    with pytest.raises(ConfigurationError):
        connect(portal, Secret({}))


def test_a_task_whose_link_was_lost_is_repeated_until_both_are_there(portal):
    crm, promise = connect(portal), effect("create_task")
    portal.next.extend([None, None, None, "500_before"])  # companies, owner, upsert, link
    with pytest.raises(UnknownOutcomeError, match="not linked"):
        crm.deliver(promise)
    crm.deliver(promise)
    assert len(portal.tables["tasks"]) == len(portal.links) == 1


def test_a_missing_owner_is_refused_for_its_row_only(portal):
    stranger = {"email": "nobody@example.com", "role": "csm", "why": "csm"}
    bad, fine = connect(portal).deliver_many(
        [effect("create_task", owner=stranger), effect("create_task", "bolt")]
    )
    assert isinstance(bad, RejectedError)
    assert isinstance(fine, str)
    portal.owners["lead@example.com"] = "88"
    assert connect(portal).deliver(effect("create_task", owner=stranger))


def test_a_deal_carries_amount_and_date(portal):
    connect(portal).deliver(effect("create_opportunity"))
    (deal,) = portal.tables["deals"].values()
    assert (deal["amount"], deal["closedate"]) == ("48000.0", "2027-06-01T00:00:00Z")
