"""What every destination must do, whatever stands behind it. A new one has a rig in tests/lib/destinations.

The servers are real HTTP on 127.0.0.1, fail in every way that networks and vendors fail, and keep their
own history: what it says is what happened.
"""

import itertools
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.lib.destinations import RIGS, Rig, effect
from tests.lib.ledger import morning, new_ledger
from tests.lib.remote import Remote
from tests.lib.servers import specs
from tests.lib.servers.base import FAULTS, Request

from customer_health.company import ROLE_VERBS, CompanyConfig, DestinationsConfig
from customer_health.connections.kind import EVERY_VERB
from customer_health.connections.kinds import KINDS
from customer_health.delivery.dispatch import Policy, deliver
from customer_health.destinations.destination_registry import FACTORIES, destination_for
from customer_health.destinations.preview import PreviewDestination
from customer_health.effects.destination import Destination, RejectedError
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError
from customer_health.ledger import delivery_log
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.outbox import queue as outbox
from customer_health.settings import Settings

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=RIGS)
def rig(request) -> Rig:
    """One destination and its server for all tests of the module; every test uses accounts of its own."""
    # A busy machine needs a second for an ordinary answer; the slow one has to be slower still.
    rig = RIGS[request.param](1.0)
    rig.server.slow = 1.5
    rig.add("known")
    yield rig
    rig.server.close()
    assert rig.server.violations == []


@pytest.fixture
def ledger(tmp_path):
    engine = new_ledger(tmp_path)
    yield engine
    engine.dispose()


def fresh(rig: Rig, verb: str) -> Effect:
    """Return an effect about an account that only this test knows."""
    account = f"account-{next(NUMBERS)}"
    rig.add(account)
    return effect(verb, account, to=rig.destination.name)


def settle(ledger, destination: Destination, effects: list[Effect], *, hours: int = 3) -> dict[str, str]:
    """Promise effects, run the dispatcher every few minutes of a virtual clock, return state by key."""
    clock = {"now": morning(2)}
    policy = Policy(grace=timedelta(seconds=30))
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=clock["now"])
    for _ in range(hours * 12):
        deliver(ledger, destination, now=lambda: clock["now"], policy=policy)
        states = {row["key"]: row["state"] for row in admin.find(ledger)}
        if not set(states.values()) & set(transitions.OPEN_STATES):
            return states
        clock["now"] += timedelta(minutes=5)
    return states


def test_every_kind_that_leaves_the_house_is_held_to_this_suite():
    assert sorted(set(KINDS) - {"preview"}) == sorted(set(RIGS) & set(KINDS))


def test_it_can_do_what_it_declares_and_nothing_else(rig, request):
    name = request.node.callspec.params["rig"]
    declared = KINDS[name if name in KINDS else name.split("_")[0]]
    assert sorted(rig.verbs) == sorted(declared.verbs)


def test_it_speaks_the_two_verbs_and_has_a_name(rig):
    assert isinstance(rig.destination, Destination)
    assert rig.destination.name


@pytest.mark.parametrize("verb", EVERY_VERB)
def test_what_was_not_delivered_is_not_found_and_what_was_is(rig, verb):
    promise = fresh(rig, verb)
    if verb not in rig.verbs:
        with pytest.raises(RejectedError, match=verb):
            rig.destination.deliver(promise)
        return
    if verb in rig.finds:
        assert rig.destination.find(promise) is None

    remote = rig.destination.deliver(promise)

    assert remote
    assert rig.landed(promise) == 1
    if verb in rig.finds:
        assert rig.destination.find(promise) == remote


def test_finding_one_key_does_not_find_another(rig):
    for verb in rig.finds:
        promise = fresh(rig, verb)
        rig.destination.deliver(promise)
        other = Effect(**{**vars(promise), "key": "0" + promise.key[1:][::-1]})
        assert rig.destination.find(other) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_to_the_call_the_effect_lands_once_or_waits_for_a_person(
    rig, ledger, request, fault
):
    """The fault hits the writing request. Every remote is asked before it is told a second time."""
    verb, name = rig.verbs[0], request.node.callspec.params["rig"]
    rig.destination.deliver(fresh(rig, verb))  # warm
    promise = fresh(rig, verb)
    rig.server.next.extend([None] * rig.reads + [fault])

    states = settle(ledger, rig.destination, [promise])

    assert not rig.server.next  # it did happen
    (row,) = admin.find(ledger)
    if fault.endswith("_after") and (name, fault) != ("webhook", "garbage_after"):  # any 2xx is its yes
        assert "unknown" in [line["event"] for line in delivery_log.of(ledger, promise.key)]
    if states[promise.key] == "delivered":
        assert rig.landed(promise) == 1
    else:
        assert states[promise.key] == "rejected"
        assert rig.landed(promise) <= 1
        assert row["fix"]
        excused = fault == "auth_expired" or name in ("totango", "smtp")  # these keep no key
        excused = excused or (name, fault) == ("gainsight", "row_error")
        assert excused, row["error"]


def test_a_refused_row_keeps_the_remotes_words_and_the_others_go_on(rig, ledger, request):
    """An account that the remote does not know, among those that it knows."""
    name = request.node.callspec.params["rig"]
    if rig.known is None:
        pytest.skip("this remote does not know accounts")
    verb = rig.verbs[0]
    good = [fresh(rig, verb), effect(verb, f"another-{name}", to=rig.destination.name)]
    rig.add(f"another-{name}")
    bad = effect(verb, "nobody", to=rig.destination.name)

    states = settle(ledger, rig.destination, [good[0], bad, good[1]])

    assert [states[one.key] for one in (*good, bad)] == ["delivered", "delivered", "rejected"]
    (row,) = admin.find(ledger, state="rejected")
    assert "nobody" in row["error"]
    assert row["fix"]


def test_requests_keep_to_the_published_specification(rig):
    """Every request of every test is held against it; here, one effect of each verb at least."""
    if not rig.server.spec:
        pytest.skip("no specification of this vendor is published")
    if not specs.available():
        pytest.skip(f"no folder {specs.FOLDER}; set CUSTOMER_HEALTH_TEST_SPECS")
    for verb in rig.verbs:
        rig.destination.deliver(fresh(rig, verb))
    assert rig.server.requests
    assert rig.server.violations == []


@pytest.mark.parametrize("verb", EVERY_VERB)
def test_the_preview_written_twice_is_one_file_that_carries_the_key(tmp_path, verb):
    preview, promise = PreviewDestination("crm", tmp_path), effect(verb)
    assert preview.find(promise) is None
    first, second = preview.deliver(promise), preview.deliver(promise)

    assert first == second == preview.find(promise)
    (path,) = tmp_path.rglob("*.json")
    assert promise.key in path.name
    assert json.loads(path.read_text())["key"] == promise.key


def test_the_fake_that_other_tests_trust_obeys_the_contract_too(tmp_path):
    remote, promise = Remote(tmp_path), effect("notify")
    assert isinstance(remote, Destination)
    assert remote.find(promise) is None
    assert remote.deliver(promise) == remote.find(promise)


def settings(secrets: dict[str, dict[str, str]] | None = None, **destinations: str) -> Settings:
    config = CompanyConfig(destinations=DestinationsConfig(**destinations))
    home = Path("/nowhere")
    return Settings(home=home, warehouse_url="", ledger_url="", config=config, secrets=secrets or {})


def test_every_role_has_a_destination_by_default():
    for role in DestinationsConfig.model_fields:
        assert destination_for(role, settings()).name == role


def test_a_misspelt_destination_or_role_is_refused_with_a_suggestion():
    with pytest.raises(ValidationError, match="'previw' is not a destination"):
        settings(slack="previw")
    with pytest.raises(ConfigurationError, match="Did you mean one of: slack"):
        destination_for("slak", settings())


SECRETS = {
    "salesforce": {"access_token": "t", "instance_url": "https://acme.my.salesforce.com"},
    "hubspot": {"access_token": "pat-1"},
    "slack": {"token": "xoxb-1"},
    "gainsight": {"host": "acme.gainsightcloud.com", "access_key": "k"},
    "totango": {"app_token": "t", "service_id": "SP-1"},
    "churnzero": {"host": "acme.churnzero.net", "app_key": "k"},
    "smtp": {},
    "gmail": {"access_token": "t"},
    "graph": {"access_token": "t"},
    "google_calendar": {"client_email": "a@b.iam.gserviceaccount.com", "private_key": "k"},
    "graph_calendar": {"client_id": "c", "client_secret": "s", "tenant": "acme.com"},
}


@pytest.mark.parametrize("kind", sorted(set(FACTORIES) - {"preview", "webhook"}))
def test_every_kind_is_built_from_its_credentials_and_refuses_to_start_without_them(kind):
    role = next(role for role, verbs in ROLE_VERBS.items() if verbs & set(KINDS[kind].verbs))
    assert destination_for(role, settings(SECRETS, **{role: kind})).name == role
    if SECRETS[kind]:
        with pytest.raises(ConfigurationError) as caught:
            destination_for(role, settings(**{role: kind}))
        assert "CUSTOMER_HEALTH_SECRET" in caught.value.hint or "Give one of" in caught.value.hint


def test_a_host_that_is_not_the_vendors_is_refused_before_a_key_travels():
    for kind, host in (("gainsight", "evil.example"), ("churnzero", "evil.example/.churnzero.net")):
        secrets = {kind: {**SECRETS[kind], "host": host}}
        with pytest.raises(ConfigurationError, match="not a host of"):
            destination_for("crm", settings(secrets, crm=kind))


def test_the_specifications_are_at_hand_where_they_must_be():
    """CI that sets the variable means it: a wrong path must not turn into silent skips."""
    assert specs.available() or not specs.DEMANDED


@pytest.mark.skipif(not specs.available(), reason="no folder of specifications")
def test_an_operation_that_the_specification_lacks_is_a_violation_unless_its_source_is_named():
    def asked(method: str, path: str) -> list[str]:
        return specs.violations("slack_oas3.json", Request(method, path, {}, {}, b""))

    assert asked("POST", "/chat.postMesage") == [
        "POST /chat.postMesage: the specification slack_oas3.json holds no such operation"
    ]
    assert asked("DELETE", "/chat.update")
    assert asked("POST", "/conversations.history") == []
    assert all(source for listed in specs.NOT_IN_THE_COPY.values() for source in listed.values())
