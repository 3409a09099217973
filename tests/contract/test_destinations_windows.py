"""A remote that asks one process to wait is left alone by all of them, for as long as it asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.lib import children
from tests.lib.destinations import RIGS, Rig, effect
from tests.lib.ledger import morning
from tests.lib.servers.base import Answer, Server

from customer_health.delivery.dispatch import deliver, drain
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox

WINDOW = 40


@pytest.fixture
def rig(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(Server, "autostart", False)
    rig = RIGS[name]()
    limits = {
        "slack": Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(WINDOW)}),
        "hubspot": Answer(
            429, {"policyName": "SECONDLY", "message": "slow down"}, {"Retry-After": str(WINDOW)}
        ),
        "salesforce": Answer(
            403,
            [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
            {"Retry-After": str(WINDOW)},
        ),
    }
    rig.server.limited = lambda: limits[name]  # type: ignore[method-assign]
    rig.server.start()
    yield rig
    rig.server.close()


def _in_another_process(url: str, rig: Rig, at: datetime) -> None:
    assert children.run(lambda: deliver(open_ledger(url), rig.destination, now=lambda: at)) == 0


def _promise(url: str, rig: Rig, accounts: range) -> None:
    effects = []
    for number in accounts:
        rig.add(f"account-{number}")
        effects.append(effect(rig.verbs[0], f"account-{number}", to=rig.destination.name))
    ledger = open_ledger(url)
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=morning(2))
    ledger.dispose()


@pytest.mark.parametrize("name", ["slack", "hubspot", "salesforce"])
def test_a_window_that_one_process_was_told_of_is_kept_by_the_other(
    name: str, rig: Rig, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    _promise(url, rig, range(3))
    rig.server.next.append("429")
    _in_another_process(url, rig, morning(2))
    assert rig.server.injected["429"] == 1
    before = len(rig.server.requests)

    _promise(url, rig, range(3, 6))  # due at once, and not those that were told to wait
    ledger = open_ledger(url)
    soon = morning(2) + timedelta(seconds=WINDOW - 1)
    held = deliver(ledger, rig.destination, now=lambda: soon)
    assert len(rig.server.requests) == before, "somebody called into the window"
    assert held.resume_at == morning(2) + timedelta(seconds=WINDOW)
    assert not held.stopped, "waiting as asked is not a failure"

    later = morning(2) + timedelta(seconds=WINDOW)
    assert deliver(ledger, rig.destination, now=lambda: later).delivered == 6
    assert admin.tally(ledger)[rig.destination.name] == {"delivered": 6}


@pytest.mark.parametrize("name", ["slack"])
def test_a_dispatcher_that_stays_waits_the_window_out_itself(name: str, rig: Rig, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    _promise(url, rig, range(2))
    rig.server.next.append("429")
    at = [morning(2)]

    def sleep(seconds: float) -> None:
        at[0] += timedelta(seconds=seconds)

    done = drain(open_ledger(url), rig.destination, now=lambda: at[0], sleep=sleep)
    assert (done.delivered, done.busy) == (2, 1)
    assert at[0] >= morning(2) + timedelta(seconds=WINDOW)
