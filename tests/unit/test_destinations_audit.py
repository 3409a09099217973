"""A remote that commits later than anybody waited: counted at night, named, and settled by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.lib.destinations import RIGS, effect
from tests.lib.ledger import morning, promised
from tests.lib.ledgers import ledger_url

from customer_health import pipeline
from customer_health.cli import command_line
from customer_health.delivery.dispatch import deliver
from customer_health.delivery.duplicate_audit import audit
from customer_health.destinations.destination_registry import FACTORIES
from customer_health.effects.destination import UnknownOutcomeError
from customer_health.ledger import delivery_log
from customer_health.ledger.delivery_log import known_twice
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.outbox.transitions import DUPLICATED, SINGLE_AGAIN
from customer_health.settings import load_settings

__all__ = ["ledger_url"]


class Late:
    """Commits the first call after everybody has looked for it."""

    def __init__(self, inner):
        self.inner, self.name, self.pending = inner, inner.name, None

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def deliver(self, promise):
        if self.pending is None:
            self.pending = promise
            raise UnknownOutcomeError("time-out")
        return self.inner.deliver(promise)

    def commit(self):
        return self.inner.deliver(self.pending)


class LateInBatches(Late):
    batch = 200

    def deliver_many(self, effects):
        if self.pending is None:
            self.pending = effects[0]
            raise UnknownOutcomeError("time-out")
        return self.inner.deliver_many(effects)

    def commit(self):
        self.inner._landed = lambda kind, keys: {}  # the org had not indexed the record yet
        return self.inner.deliver(self.pending)


def doubled(ledger, rig, kind):
    """Deliver one effect whose first call is committed after the second; return it."""
    rig.add("acme")
    late = kind(rig.destination)
    promise = effect(rig.verbs[0], to=late.name)
    with writing(ledger) as connection:
        outbox.add(connection, [promise], now=morning(2))
    now = morning(2)
    for _ in range(3):
        deliver(ledger, late, now=lambda at=now: at)
        now += timedelta(minutes=6)
    late.commit()
    return promise


@pytest.fixture(
    params=[("slack", Late), ("salesforce_plain", LateInBatches), ("graph", Late), ("gmail", Late)]
)
def late(request):
    name, kind = request.param
    rig = RIGS[name]()
    yield rig, kind
    rig.server.close()


def test_what_is_there_twice_is_counted_once_named_on_its_row_and_gone_when_tidied_up(ledger_url, late):
    rig, kind = late
    ledger = open_ledger(ledger_url)
    promise = doubled(ledger, rig, kind)
    destination = rig.destination
    destination.__dict__.pop("_landed", None)

    for _ in range(2):
        found = audit(ledger, destination, now=morning(3))
        assert (found.suspects, found.checked, found.duplicated) == (1, 1, 1)
    (row,) = admin.find(ledger)
    assert (row["state"], known_twice(ledger)) == ("delivered", 1)
    assert "it is there 2 times" in row["error"]
    assert "Delete all but one" in row["fix"]
    assert [line["event"] for line in delivery_log.of(ledger, promise.key)].count(DUPLICATED) == 1

    copies = destination.copies(promise)
    destination.copies = lambda effect: copies[:1]  # a person deleted the other
    assert audit(ledger, destination, now=morning(4)).duplicated == 0
    assert (known_twice(ledger), admin.find(ledger)[0]["error"]) == (0, None)
    assert delivery_log.of(ledger, promise.key)[-1]["event"] == SINGLE_AGAIN
    ledger.dispose()


def test_what_a_person_sent_again_is_no_duplicate_and_what_landed_at_once_is_no_suspect(ledger_url):
    rig, ledger = RIGS["slack"](), open_ledger(ledger_url)
    promises = [effect("notify", account, to="slack") for account in ("acme", "bolt")]
    with writing(ledger) as connection:
        outbox.add(connection, promises, now=morning(2))
    deliver(ledger, rig.destination, now=lambda: morning(2))
    admin.resend(ledger, promises[0].key, "they deleted it", now=morning(2))
    deliver(ledger, rig.destination, now=lambda: morning(2))

    found = audit(ledger, rig.destination, now=morning(3))
    assert (found.suspects, found.duplicated) == (1, 0)
    rig.server.close()
    ledger.dispose()


def test_the_command_tells_the_data_team_once_and_the_summary_says_it(home, monkeypatch, capsys):
    rig = RIGS["slack"]()
    monkeypatch.setitem(
        FACTORIES, "preview", lambda role, settings: rig.destination if role == "slack" else None
    )
    settings = load_settings({}, home=home)
    ledger = open_ledger(settings.ledger_url)
    doubled(ledger, rig, Late)
    for _ in range(2):
        done = pipeline.audit_deliveries(settings, destination="slack", now=morning(3))
    assert done.counts()["duplicated"] == 1
    (notice,) = [row for row in promised(ledger, "notify") if row["playbook"] == "data_notice"]
    assert "is there 2 times" in notice["payload"]["lines"][0]
    assert notice["payload"]["channel"] == settings.config.playbooks.data_channel

    monkeypatch.setattr(pipeline, "now_of", lambda *_: morning(3))
    assert command_line.main(["--home", str(home), "audit", "--destination", "slack"]) == 0
    assert "1 are there twice" in capsys.readouterr().out

    rig.server.close()
    assert command_line.main(["--home", str(home), "audit", "--destination", "slack"]) == 75
    ledger.dispose()
