"""SIGSTOP: a worker is put to sleep between its lease and its call, and wakes up when another has sent it.

Slack takes no key, so nothing at the remote could tell a second message from the first.
"""

import os
import signal
import time
from datetime import datetime, timedelta

import pytest
from tests.lib import children
from tests.lib.destinations import RIGS, effect
from tests.lib.ledger import morning
from tests.lib.servers.base import Server

from customer_health.delivery import call_guard
from customer_health.delivery.delivery_policy import Policy
from customer_health.delivery.dispatch import deliver
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.ledger import crash_points
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox

WITHIN = 60  # seconds after which a test that waits has failed
# A lease of seconds; a call may begin until one client time-out before its end.
POLICY = Policy(lease=timedelta(seconds=3), client_timeout=timedelta(seconds=1), grace=timedelta(seconds=0.5))
START = time.monotonic()


def clock() -> datetime:
    """A morning that goes on while a process sleeps, the same for parent and child."""
    return morning(2) + timedelta(seconds=time.monotonic() - START)


@pytest.fixture
def rig(name, monkeypatch):
    monkeypatch.setattr(Server, "autostart", False)
    rig = RIGS[name]()
    rig.server.start()
    yield rig
    rig.server.close()


def dispatcher_that_stops_itself(url, destination, place):
    """Deliver in a child that sends itself SIGSTOP at `place`; return its process id."""

    def stop(point):
        if point == place:
            crash_points.arm(None)
            os.kill(os.getpid(), signal.SIGSTOP)

    def work():
        crash_points.arm(stop)
        if place == "in the rate limiter":
            destination.pace = RateLimiter(1.0, 1, sleep=lambda _seconds: stop(place))
            destination.pace.wait()
        deliver(open_ledger(url), destination, now=clock, policy=POLICY)

    return children.begin(work)


def wait_until(true, what):
    deadline = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < deadline, f"waited {WITHIN} s in vain until {what}"
        time.sleep(0.05)


def is_stopped(child):
    pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
    return pid == child and os.WIFSTOPPED(status)


def paused_at(place, rig, tmp_path):
    """Let a dispatcher be paused, another one take over, and the first wake up; return the ledger."""
    rig.add("acme")
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = open_ledger(url)
    with writing(ledger) as connection:
        outbox.add(connection, [effect(rig.verbs[0], "acme", to=rig.destination.name)], now=clock())
    ledger.dispose()
    child = dispatcher_that_stops_itself(url, rig.destination, place)
    try:
        wait_until(lambda: is_stopped(child), "the child has stopped")
        ledger = open_ledger(url)

        def taken_over():
            deliver(ledger, rig.destination, now=clock, policy=POLICY)
            return [row["state"] for row in admin.find(ledger)] == ["delivered"]

        wait_until(taken_over, "another dispatcher has sent it")
    finally:
        os.kill(child, signal.SIGCONT)
        assert children.end(child) == 0
    return ledger


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("slack", "before_send"),
        ("slack", "in the rate limiter"),
        *((name, "before_bytes") for name in ("slack", "gainsight", "graph", "salesforce_plain")),
    ],
)
def test_a_worker_that_slept_through_its_lease_sends_nothing(rig, tmp_path, place):
    ledger = paused_at(place, rig, tmp_path)
    assert len(rig.server.created()) == 1
    assert [row["state"] for row in admin.find(ledger)] == ["delivered"]


@pytest.mark.parametrize("name", ["slack"])
def test_without_the_last_look_at_the_clock_it_would_so_this_test_can_fail(rig, tmp_path, monkeypatch):
    """The broken twin: the guard is taken out."""
    monkeypatch.setattr(call_guard, "check", lambda: None)
    paused_at("before_bytes", rig, tmp_path)
    assert len(rig.server.created()) == 2
