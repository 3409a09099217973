"""Every promise is kept once: under crashes, overlaps, refusals and lost answers."""

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.lib import children
from tests.lib.ledger import day, morning, outcome, publish, run
from tests.lib.ledgers import ledger_url
from tests.lib.remote import Remote

from customer_health.delivery.dispatch import Policy, deliver
from customer_health.destinations.preview import PreviewDestination
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect, effect_key
from customer_health.errors import FatalError
from customer_health.ledger import crash_points, delivery_log
from customer_health.ledger.crash_points import CRASH_POINTS
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.outbox import queue as outbox

__all__ = ["ledger_url"]  # every test here runs on SQLite and on Postgres

START = datetime(2026, 11, 21, 6, tzinfo=UTC)


class Clock:
    """A clock that moves when told."""

    def __init__(self, at=START):
        self.at = at

    def __call__(self):
        return self.at

    def forward(self, **span):
        self.at += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(ledger_url):
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


def effect(number=0, destination="slack", verb="notify"):
    account = f"account-{number}"
    key = effect_key(account, "p", "ep", verb, destination)
    return Effect(key, destination, verb, account, day(1), "p", verb, "ep", {"n": number})


def promise(ledger, count, *, destination="slack", now=START):
    effects = [effect(number, destination) for number in range(count)]
    with writing(ledger) as connection:
        outbox.add(connection, effects, now=now)
    return effects


def states(ledger, destination="slack"):
    return admin.tally(ledger).get(destination, {})


def test_a_promise_made_twice_is_one_promise_and_delivered_once(ledger, tmp_path, clock):
    promise(ledger, 3)
    promise(ledger, 3)
    remote = Remote(tmp_path)

    assert deliver(ledger, remote, now=clock).delivered == 3
    assert deliver(ledger, remote, now=clock).delivered == 0
    assert len(remote.history()) == 3
    assert [row["event"] for row in delivery_log.of(ledger, effect(1).key)] == ["sending", "delivered"]


def test_a_destination_gets_its_own_rows_and_no_more_than_the_limit(ledger, tmp_path, clock):
    promise(ledger, 3)
    promise(ledger, 2, destination="crm")

    assert deliver(ledger, Remote(tmp_path), now=clock, limit=2).delivered == 2
    assert states(ledger, "crm") == {"pending": 2}


def test_busy_waits_as_long_as_asked_and_counts_no_attempt(ledger, tmp_path, clock):
    promise(ledger, 1)
    answers = [BusyError("429", retry_after=300.0)]

    def fault(moment, _effect):
        if moment == "before" and answers:
            raise answers.pop()

    remote = Remote(tmp_path, fault=fault)
    assert deliver(ledger, remote, now=clock).busy == 1
    clock.forward(seconds=299)
    assert deliver(ledger, remote, now=clock).counts()["delivered"] == 0
    clock.forward(seconds=2)
    assert deliver(ledger, remote, now=clock).delivered == 1
    assert admin.find(ledger)[0]["attempts"] == 1


def test_three_busy_answers_in_a_row_end_the_call_and_the_rest_stays_untouched(ledger, tmp_path, clock):
    promise(ledger, 10)
    calls = []

    def fault(moment, effect):
        calls.append(effect.key)
        raise BusyError("slow down", retry_after=60)

    counts = deliver(ledger, Remote(tmp_path, fault=fault), now=clock)

    assert (counts.busy, len(calls), states(ledger)) == (3, 3, {"pending": 10})


@pytest.mark.parametrize("landed", [True, False])
def test_a_lost_answer_is_looked_up_after_grace_before_anything_is_sent_again(
    ledger, tmp_path, clock, landed
):
    promise(ledger, 1)
    lost = [UnknownOutcomeError("connection reset")]

    def fault(moment, _effect):
        if moment == ("after" if landed else "before") and lost:
            raise lost.pop()

    remote = Remote(tmp_path, fault=fault)
    assert deliver(ledger, remote, now=clock).unknown == 1
    clock.forward(seconds=60)
    assert deliver(ledger, remote, now=clock).counts()["found"] == 0  # too early to know
    clock.forward(seconds=120)
    counts = deliver(ledger, remote, now=clock)

    assert (counts.found, counts.delivered) == ((1, 0) if landed else (0, 1))
    assert len(remote.history()) == 1


def test_while_the_destination_cannot_be_asked_nothing_is_sent_again_and_in_the_end_a_person_decides(
    ledger, tmp_path, clock
):
    promise(ledger, 1)

    def fault(moment, _effect):
        raise UnknownOutcomeError("time-out")

    remote = Remote(tmp_path, fault=fault)
    for _ in range(10):
        deliver(ledger, remote, now=clock)
        clock.forward(hours=2)

    (row,) = admin.find(ledger)
    assert (row["state"], remote.history()) == ("rejected", [])
    assert "resend it with a reason" in row["fix"]


def test_a_refusal_keeps_the_remotes_words_and_the_others_go_on(ledger, tmp_path, clock):
    effects = promise(ledger, 5)

    def fault(moment, effect):
        if effect.key == effects[2].key and moment == "before":
            raise RejectedError("FIELD_CUSTOM_VALIDATION: Amount must be > 0", hint="Set an ARR.")

    remote = Remote(tmp_path, fault=fault)
    counts = deliver(ledger, remote, now=clock)

    assert (counts.delivered, counts.rejected) == (4, 1)
    (row,) = admin.find(ledger, state="rejected")
    assert (row["error"], row["fix"]) == ("FIELD_CUSTOM_VALIDATION: Amount must be > 0", "Set an ARR.")
    assert "FIELD_CUSTOM_VALIDATION" in " ".join(counts.lines())

    remote.fault = lambda moment, effect: None
    with pytest.raises(FatalError, match="needs its reason"):
        admin.resend(ledger, row["key"], " ", now=clock())
    admin.resend(ledger, row["key"], "ARR was added in the CRM", now=clock())
    assert deliver(ledger, remote, now=clock).delivered == 1
    assert "ARR was added in the CRM" in [line["detail"] for line in delivery_log.of(ledger, row["key"])]


def test_a_defect_of_ours_in_one_row_does_not_stop_the_others(ledger, tmp_path, clock):
    effects = promise(ledger, 3)

    def fault(moment, effect):
        if effect.key == effects[0].key:
            raise KeyError("account")

    counts = deliver(ledger, Remote(tmp_path, fault=fault), now=clock)
    assert (counts.delivered, counts.unknown) == (2, 1)


def test_a_worker_that_slept_through_its_lease_can_no_longer_change_the_row(ledger, clock):
    promise(ledger, 1)

    def take(worker):
        (claim,) = outbox.claim(
            ledger,
            "slack",
            worker=worker,
            now=clock(),
            limit=1,
            lease=timedelta(minutes=5),
            grace=timedelta(minutes=2),
        )
        return claim

    def note_sending(claim):
        note = transitions.sending(claim, now=clock(), needed=timedelta(minutes=1))
        return note is not None and transitions.write(ledger, [note], now=clock()) == [True]

    sleeper = take("sleeper")
    clock.forward(minutes=4, seconds=30)
    assert not note_sending(sleeper)  # too little lease left for a call and its time-out
    clock.forward(minutes=1)
    second = take("second")
    assert note_sending(second)
    late = transitions.delivered(sleeper, "remote-1", now=clock())

    assert transitions.write(ledger, [late], now=clock()) == [False]
    assert [line["event"] for line in delivery_log.of(ledger, effect().key)] == [
        "sending",
        "late delivered",
    ]


def test_a_call_whose_worker_died_is_not_repeated_while_the_remote_may_still_commit_it(
    ledger, tmp_path, clock
):
    """Lease 5 min, grace 20 min: after 6 minutes nobody knows, so nobody sends."""
    (only,) = promise(ledger, 1)
    policy = Policy(grace=timedelta(minutes=20))
    (dead,) = outbox.claim(
        ledger, "slack", worker="dead", now=clock(), limit=1, lease=policy.lease, grace=policy.grace
    )
    transitions.write(
        ledger, [transitions.sending(dead, now=clock(), needed=timedelta(minutes=1))], now=clock()
    )
    remote = Remote(tmp_path)

    clock.forward(minutes=6)
    assert deliver(ledger, remote, now=clock, policy=policy).delivered == 0
    assert states(ledger) == {"unknown": 1}

    remote.deliver(only)  # the dead worker's call is committed by the remote at last
    clock.forward(minutes=15)
    assert deliver(ledger, remote, now=clock, policy=policy).found == 1
    assert len(remote.history()) == 1


def test_two_dispatchers_at_once_lose_nothing_and_double_nothing(ledger, tmp_path):
    promise(ledger, 120)
    remote = Remote(tmp_path)
    counts = []

    def work():
        engine = open_ledger(str(ledger.url))
        counts.append(deliver(engine, remote, now=lambda: START))
        engine.dispose()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert not any(worker.is_alive() for worker in workers)

    assert len(remote.history()) == len(set(remote.history())) == 120
    assert sum(count.delivered for count in counts) == 120


ACCOUNTS = ("a", "b", "c")


def killed_at(point: str, nth: int, folder: Path, url: str) -> int:
    """Publish, run playbooks and deliver in a child that is killed the n-th time it passes `point`.

    A fork, so that nothing is imported again; the child opens a ledger of its own.

    Returns:
        The signal that ended the child; 0 if it came to its end.
    """
    passed = []

    def die(name):
        if name == point:
            passed.append(name)
            if len(passed) == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def work():
        crash_points.arm(die)
        ledger = open_ledger(url)
        publish(ledger, 2, dict.fromkeys(ACCOUNTS, 20))
        run(ledger, 2)
        for destination in (Remote(folder), PreviewDestination("crm", folder / "preview")):
            deliver(ledger, destination, now=lambda: morning(2))

    return children.run(work)


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(tmp_path, ledger_url, point):
    ledger = open_ledger(ledger_url)
    publish(ledger, 1, dict.fromkeys(ACCOUNTS, 61))
    ledger.dispose()
    nth = 1 if point.startswith(("publish", "run")) or point in ("after_claim", "after_settle") else 2

    assert killed_at(point, nth, tmp_path, ledger_url) == -signal.SIGKILL

    ledger = open_ledger(ledger_url)
    clock = Clock(datetime(2026, 11, 2, 7, tzinfo=UTC))
    remote = Remote(tmp_path)
    for _ in range(4):
        publish(ledger, 2, dict.fromkeys(ACCOUNTS, 20))
        run(ledger, 2)
        deliver(ledger, remote, now=clock)
        deliver(ledger, PreviewDestination("crm", tmp_path / "preview"), now=clock)
        clock.forward(minutes=10)

    # Three alerts and a baseline message; per account the tasks and the fields, a concession to approve.
    assert sorted(remote.history()) == sorted(set(remote.history()))
    assert states(ledger) == {"delivered": 4}
    crm = states(ledger, "crm")
    assert set(crm) == {"delivered", "awaiting_approval"}
    assert crm["awaiting_approval"] == 3
    assert crm["delivered"] >= 15
    assert len(list((tmp_path / "preview").rglob("*.json"))) == crm["delivered"]
    assert not list((tmp_path / "preview").rglob("*.tmp")) or point == "preview_before_rename"
    assert outcome(ledger, 2, "a", "critical_save")[0] == "fired"
    ledger.dispose()
