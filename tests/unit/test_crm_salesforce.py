"""Salesforce: what happens to one row never happens to its neighbours, and nothing happens twice."""

from urllib.parse import parse_qsl

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from tests.lib.destinations import effect, no_pace
from tests.lib.servers.salesforce import ACCOUNT_KEY, KEY, SalesforceOrg

from customer_health.connections.connection_options import Secret
from customer_health.connections.salesforce_connection import SalesforceOptions
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.crm.salesforce import SalesforceDestination
from customer_health.destinations.crm.salesforce_client import SalesforceClient
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.errors import ConfigurationError

OAUTH = Secret({"consumer_key": "k", "consumer_secret": "s", "domain": "acme.my"})


@pytest.fixture
def org():
    org = SalesforceOrg()
    for account in ("acme", "bolt", "calm"):
        org.add("Account", Name=account.title(), **{ACCOUNT_KEY: account})
    org.add("User", Email="Dana@example.com", IsActive=True)
    org.add("User", Email="lead@example.com", IsActive=True)
    yield org
    assert org.violations == []
    org.close()


def connect(org, secret=OAUTH, **options):
    settings = SalesforceOptions(**options)
    client = SalesforceClient(settings, secret, org.session(), no_pace())
    return SalesforceDestination("crm", client, settings, fallback_owner="lead@example.com")


def tasks(org):
    return list(org.tables["Task"].values())


def test_a_task_has_its_owner_account_due_date_and_key(org):
    crm, promise = connect(org), effect("create_task")
    assert crm.find(promise) is None

    remote = crm.deliver(promise)

    (task,) = tasks(org)
    assert (task["Id"], task[KEY], task["Priority"]) == (remote, promise.key, "High")
    assert task["ActivityDate"] == "2026-11-04"
    assert org.tables["User"][task["OwnerId"]]["Email"] == "Dana@example.com"
    assert org.tables["Account"][task["WhatId"]]["Name"] == "Acme"
    assert "## What to do\n1. Call them." in task["Description"]
    assert crm.find(promise) == remote


@pytest.mark.parametrize(
    ("due", "zone", "day"),
    [
        ("2026-11-02T23:00:00+00:00", "Asia/Tokyo", "2026-11-03"),  # Tuesday 08:00; Monday in UTC
        ("2026-11-03T02:00:00+00:00", "America/Los_Angeles", "2026-11-02"),  # Monday 18:00
        ("2026-11-02T23:00:00+00:00", None, "2026-11-02"),
    ],
)
def test_a_task_is_due_on_the_day_that_its_owners_calendar_shows(org, due, zone, day):
    crm = connect(org)
    crm.deliver(effect("create_task", due_at=due, zone=zone))
    assert tasks(org)[0]["ActivityDate"] == day


@pytest.mark.parametrize("task_key", ["external", "plain"])
def test_a_task_that_is_sent_again_is_the_same_task(org, task_key):
    """Whether Activity may carry an external id differs between orgs; the promise does not."""
    org.task_key = task_key
    crm = connect(org)
    first, second = crm.deliver(effect("create_task")), crm.deliver(effect("create_task"))

    assert first == second
    assert len(tasks(org)) == 1
    assert crm.repeatable(effect("create_task")) == (task_key == "external")


def test_an_activity_without_the_key_field_is_refused_with_what_to_create(org):
    org.task_key = "none"
    with pytest.raises(RejectedError, match=KEY) as caught:
        connect(org).deliver(effect("create_task"))
    assert "Create it on Activity" in caught.value.hint


def test_two_hundred_accounts_go_in_one_call_and_a_bad_one_fails_alone(org):
    for number in range(197):
        org.add("Account", Name=str(number), **{ACCOUNT_KEY: f"a{number}"})
    crm = connect(org)
    names = ["acme", "gone", "bolt", *(f"a{number}" for number in range(197))]

    outcomes = crm.deliver_many([effect("set_fields", name) for name in names])

    bad = outcomes.pop(1)
    assert isinstance(bad, RejectedError)
    assert "REQUIRED_FIELD_MISSING" in bad.message
    assert "No account has this id" in bad.hint
    assert all(isinstance(outcome, str) for outcome in outcomes)
    assert sum("composite" in request.path for request in org.requests) == 1
    acme = next(row for row in org.tables["Account"].values() if row[ACCOUNT_KEY] == "acme")
    assert (acme["AI_Health_Score__c"], acme["AI_Health_Tier__c"]) == (27, "Critical")


def test_of_two_days_of_one_account_in_a_batch_the_newer_is_written_and_both_are_done(org):
    crm = connect(org)
    old, new = effect("set_fields", days=2), effect("set_fields", days=3)

    outcomes = crm.deliver_many([new, old])

    assert len(set(outcomes)) == 1
    (acme,) = [row for row in org.tables["Account"].values() if row[ACCOUNT_KEY] == "acme"]
    assert acme["AI_Health_AsOf__c"] == new.payload["fields"]["as_of"]


def test_an_external_id_that_matches_several_records_waits_for_a_person(org):
    org.add("Account", Name="Twin", **{ACCOUNT_KEY: "acme"})
    crm = connect(org)
    for verb in ("set_fields", "create_task"):
        with pytest.raises(RejectedError) as caught:
            crm.deliver(effect(verb))
        assert "merge them" in caught.value.hint


def test_a_deleted_account_is_named_with_what_to_do_and_the_others_go_on(org):
    crm = connect(org)
    gone, fine = crm.deliver_many([effect("create_task", "gone"), effect("create_task", "bolt")])
    assert "deleted, merged or never linked" in gone.hint
    assert isinstance(fine, str)


def test_a_missing_owner_falls_back_and_without_a_fallback_nothing_is_left_ownerless(org):
    stranger = {"email": "nobody@example.com", "role": "csm", "why": "csm"}
    connect(org).deliver(effect("create_task", owner=stranger))
    assert org.tables["User"][tasks(org)[0]["OwnerId"]]["Email"] == "lead@example.com"

    for user in org.tables["User"].values():
        user["IsActive"] = False
    with pytest.raises(RejectedError, match="active Salesforce user"):
        connect(org).deliver(effect("create_task", "bolt", owner=stranger))


def test_an_unknown_field_names_itself_and_the_setting(org):
    org.unknown_fields = {"AI_Health_Why__c"}
    with pytest.raises(RejectedError, match="AI_Health_Why__c") as caught:
        connect(org).deliver(effect("set_fields"))
    assert "connections.salesforce" in caught.value.hint


def test_a_locked_row_is_busy_alone(org):
    org.next.extend([None, None, None, "row_error"])  # describe, accounts, owners, then the upsert
    first, second = connect(org).deliver_many([effect("create_task"), effect("create_task", "bolt")])
    assert isinstance(first, BusyError)
    assert isinstance(second, str)


def test_a_record_that_another_call_just_made_counts_as_ours(org):
    """Salesforce answers DUPLICATE_VALUE and names the record."""
    org.task_key = "plain"
    crm, promise = connect(org), effect("create_task")
    crm.tasks_have_external_id()
    org.task_key = "external"
    there = org.add("Task", **{KEY: promise.key})
    crm._landed = lambda kind, keys: {}  # it was not there yet when we looked

    assert crm.deliver(promise) == there


def test_an_expired_session_is_renewed_once_and_then_the_channel_stops(org):
    crm = connect(org)
    org.next.extend([None, "auth_expired"])
    crm.deliver(effect("create_task"))
    assert org.logins == 2

    org.next.extend(["auth_expired"] * 9)
    before = len(org.next)
    with pytest.raises(DestinationUnavailableError) as caught:
        crm.deliver(effect("create_task", "bolt"))
    assert before - len(org.next) == 2
    assert caught.value.needs_person


def test_a_bare_token_is_not_renewed(org):
    org.token = "t"
    secret = Secret({"access_token": "t", "instance_url": "https://acme.my.salesforce.com"})
    crm = connect(org, secret)
    crm.deliver(effect("set_fields"))
    org.next.append("auth_expired")
    with pytest.raises(DestinationUnavailableError):
        crm.deliver(effect("set_fields"))
    assert org.logins == 0


def test_the_orgs_spent_daily_calls_stop_the_channel_for_an_hour_without_a_person(org):
    org.spent = True
    with pytest.raises(DestinationUnavailableError, match="REQUEST_LIMIT_EXCEEDED") as caught:
        connect(org).deliver(effect("set_fields"))
    assert (caught.value.retry_after, caught.value.needs_person) == (3600.0, False)


@pytest.mark.parametrize("fault", ["500_after", "reset_after", "timeout_after", "garbage_after"])
def test_a_lost_answer_is_unknown_and_the_repeat_changes_nothing(org, fault):
    crm = connect(org)
    crm.client._session.timeout = 0.3
    org.slow = 0.5
    org.next.extend([None, None, None, fault])
    with pytest.raises(UnknownOutcomeError):
        crm.deliver(effect("create_task"))
    crm.deliver(effect("create_task"))
    assert len(tasks(org)) == 1


def test_credentials_that_fit_no_login_are_refused_before_any_call(org):
    with pytest.raises(ConfigurationError, match="incomplete"):
        connect(org, Secret({"username": "u"}))
    with pytest.raises(ConfigurationError, match="not a Salesforce host"):
        connect(org, Secret({"access_token": "t", "instance_url": "https://evil.example"})).deliver(
            effect("set_fields")
        )
    assert org.requests == []


def test_a_password_login_that_ends_in_2027_is_refused_with_its_successors(org):
    with pytest.raises(ConfigurationError, match="summer 2027") as caught:
        connect(org, Secret({"username": "u", "password": "p", "security_token": "t"}))
    assert "consumer_secret" in caught.value.hint
    assert "privatekey" in caught.value.hint
    assert org.requests == []


def test_a_jwt_bearer_signs_in_without_any_password(org):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    secret = Secret({"username": "bot@acme.com", "consumer_key": "k", "privatekey": key.decode()})
    connect(org, secret).deliver(effect("set_fields"))
    login = org.requests[0]
    form = dict(parse_qsl(login.raw.decode()))
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(form["assertion"], options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == ("k", "bot@acme.com")
    assert not [request for request in org.requests if "/services/Soap/" in request.path]


@pytest.mark.parametrize("version", ["41.0", "61.0", "62"])
def test_api_versions_that_end_soon_are_refused(version):
    with pytest.raises(ValidationError, match="api_version"):
        SalesforceOptions(api_version=version)


def test_an_account_id_cannot_leave_its_query(org):
    evil = "x') OR Id != NULL OR Name IN ('y"
    with pytest.raises(RejectedError, match="No Salesforce account"):
        connect(org).deliver(effect("create_task", evil))
    assert tasks(org) == []
