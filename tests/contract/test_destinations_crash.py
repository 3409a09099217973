"""SIGKILL at every point of a delivery, to remotes that really hold what was sent."""

import os
import signal
from datetime import timedelta

import pytest
from tests.lib import children
from tests.lib.destinations import RIGS, effect
from tests.lib.ledger import morning
from tests.lib.ledgers import new_url
from tests.lib.servers.base import Server

from customer_health.delivery.dispatch import deliver
from customer_health.ledger import crash_points
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox

POINTS = ("after_claim", "before_send", "before_bytes", "after_send", "after_settle")


def killed_at(point, url, destination):
    """Deliver in a child that dies at `point`; return the signal that ended it."""

    def work():
        crash_points.arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
        deliver(open_ledger(url), destination, now=lambda: morning(2))

    return children.run(work)


DESTINATIONS = (
    *("salesforce", "salesforce_plain", "hubspot", "slack", "slack_files", "gainsight", "graph"),
    *("google_calendar", "webhook"),
)


@pytest.fixture
def rig(name, monkeypatch):
    """A server whose thread starts in the parent only: the child is forked without threads of ours."""
    monkeypatch.setattr(Server, "autostart", False)
    rig = RIGS[name]()
    rig.server.start()
    yield rig
    rig.server.close()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(
    ("name", "kind"),
    [*((name, "sqlite") for name in DESTINATIONS), ("slack", "postgres"), ("salesforce_plain", "postgres")],
)
def test_a_kill_at_any_point_leaves_every_effect_landed_once(rig, tmp_path, point, kind):
    effects = []
    for account in "abc":
        rig.add(account)
        effects.append(effect(rig.verbs[0], account, to=rig.destination.name))
    url = new_url(kind, tmp_path)
    ledger = open_ledger(url)
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=morning(2))
    ledger.dispose()

    assert killed_at(point, url, rig.destination) == -signal.SIGKILL

    ledger, now = open_ledger(url), morning(2)
    for _ in range(6):
        now += timedelta(minutes=6)
        deliver(ledger, rig.destination, now=lambda at=now: at)
    assert [row["state"] for row in admin.find(ledger)] == ["delivered"] * 3
    assert [rig.landed(one) for one in effects] == [1, 1, 1]
    ledger.dispose()
