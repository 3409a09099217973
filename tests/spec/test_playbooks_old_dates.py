"""Six ways to an old date, and none of them makes a call. One task twice at once, and a day without Slack."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from tests.lib.ledger import alerts, day, morning, new_ledger, outcome, promised, publish, run
from tests.lib.ledgers import ledger_url
from tests.lib.remote import Remote

from customer_health import pipeline
from customer_health.cli import command_line, command_session
from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.effects.destination import BusyError
from customer_health.ledger import episodes
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.reminders import follow_up
from customer_health.settings import load_settings

__all__ = ["ledger_url"]

TODAY = 20


@pytest.fixture
def ledger(home):
    """Ten days on which acme was Critical are published; nobody ever acted on them."""
    engine = new_ledger(home)
    for number in range(5, 15):
        publish(engine, number, {"acme": 61 if number < 8 else 20, "calm": 90})
    yield engine
    engine.dispose()


def fill_in(ledger, home):
    for number in range(5, 15):
        run(ledger, number, now=morning(TODAY))


def clear(ledger, home):
    publish(ledger, 15, {"acme": 61, "calm": 90})
    run(ledger, 15)  # acted on its own day, and found nothing to do
    publish(ledger, 15, {"acme": 20, "calm": 90})
    run(ledger, 15, now=morning(TODAY))


def start_by_hand(ledger, home):
    pipeline.run_playbooks(load_settings({}, home=home), as_of=day(14), now=morning(TODAY))


def hear_of_an_old_partition(ledger, home):
    """The event of yesterday's partition arrives after today has acted: young enough, and overtaken."""
    publish(ledger, 16, {"acme": 61, "calm": 90})
    run(ledger, 16)
    publish(ledger, 15, {"acme": 20, "calm": 90})
    run(ledger, 15, now=morning(16))


def catch_up(ledger, home):
    """The scheduler was down for days and now runs every day that it missed, in order."""
    for number in range(8, 15):
        run(ledger, number, now=morning(TODAY) + timedelta(minutes=number))


def type_a_command(ledger, home, monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return morning(TODAY)

    monkeypatch.setattr(command_session, "datetime", Clock)
    assert command_line.main(["--home", str(home), "playbooks", "--as-of", day(14).isoformat()]) == 0


@pytest.mark.parametrize(
    "way", [fill_in, clear, start_by_hand, hear_of_an_old_partition, catch_up, type_a_command]
)
def test_no_way_to_an_old_date_makes_a_single_call(ledger, home, monkeypatch, way):
    way(ledger, home, monkeypatch) if way is type_a_command else way(ledger, home)
    follow_up(ledger, CompanyConfig(), now=morning(TODAY))

    calls = []
    for name in ("slack", "crm", "gainsight", "email"):
        remote = Remote(home, name, fault=lambda moment, effect: calls.append((moment, effect)))
        deliver(ledger, remote, now=lambda: morning(TODAY) + timedelta(hours=1))
    own_days = {morning(15).date(), morning(16).date()}
    assert {effect.account_id for _, effect in calls if effect.account_id == "acme"} <= {"acme"}
    assert [effect for _, effect in calls if effect.as_of not in own_days] == []
    assert alerts(ledger) == []
    assert promised(ledger, "create_task", account_id="acme") == []
    assert episodes.all_of(ledger, "acme") == []


def test_what_an_old_date_would_have_led_to_is_in_the_decision_log(ledger, home):
    fill_in(ledger, home)
    assert outcome(ledger, 14, "acme", "critical_save")[0] == "too_old"


def test_the_same_task_twice_at_once_doubles_nothing_and_loses_nothing(ledger_url, home):
    ledger = open_ledger(ledger_url)
    names = [f"a{n}" for n in range(12)]
    publish(ledger, 19, {**dict.fromkeys(names, 61), "calm": 90})
    run(ledger, 19)
    publish(ledger, 20, {**dict.fromkeys(names, 20), "calm": 90})
    settings = CompanyConfig(playbooks=PlaybookConfig(mass_move_floor=99, alerts_per_owner_per_day=99))
    remote, errors = Remote(home), []
    gate = threading.Barrier(2)

    def task():
        engine = open_ledger(ledger_url)
        try:
            gate.wait(timeout=120)
            run(engine, 20, settings)
            deliver(engine, remote, now=lambda: morning(20))
        except Exception as error:  # shown by the assertion below
            errors.append(error)
        finally:
            engine.dispose()

    tasks = [threading.Thread(target=task, daemon=True) for _ in range(2)]
    for each in tasks:
        each.start()
    for each in tasks:
        each.join(timeout=120)
    assert not any(each.is_alive() for each in tasks)
    deliver(ledger, remote, now=lambda: morning(20))

    assert errors == []
    assert len(remote.history()) == len(set(remote.history()))
    assert sorted(alerts(ledger)) == sorted(names)
    states = {row["state"] for row in promised(ledger, "notify")}
    assert states == {"delivered"}
    assert len([e for e in episodes.all_of(ledger) if e.closed_as_of is None]) == len(names)
    ledger.dispose()


def test_a_day_without_slack_holds_up_nobody_else_and_ends_in_one_digest(ledger, home):
    """Slack is down from the morning of day 20 for 26 hours; the dispatcher runs every hour."""
    names = [f"b{n}" for n in range(14)]
    settings = CompanyConfig(playbooks=PlaybookConfig(mass_move_floor=99, alerts_per_owner_per_day=99))
    publish(ledger, 19, {**dict.fromkeys(names, 61), "calm": 90})
    run(ledger, 19, settings)
    start, down = morning(20), [True]

    def fault(moment, effect):
        if down[0]:
            raise BusyError("Slack could not be reached.", retry_after=60)

    slack, crm = Remote(home, "slack", fault=fault), Remote(home, "crm", idempotent=True)
    for hour in range(40):
        now = start + timedelta(hours=hour)
        down[0] = hour < 26
        if hour in (0, 24):
            number = 20 + hour // 24
            scores = dict.fromkeys(names, 20) | ({"a9": 20} if hour else {"a9": 61})
            publish(ledger, number, {**scores, "calm": 90})
            run(ledger, number, settings, now=now)
        follow_up(ledger, settings, now=now)
        for remote in (slack, crm):
            deliver(ledger, remote, now=lambda now=now: now)
        if hour == 0:
            waiting = {"awaiting_approval", "delivered"}
            assert {row["state"] for row in promised(ledger, "create_task")} <= waiting

    rows = admin.find(ledger)
    folded = {row["account_id"] for row in rows if row["state"] == "folded" and row["verb"] == "notify"}
    digests = [row for row in rows if row["playbook"] == "alert_backlog"]
    told = {row["account_id"] for row in rows if row["verb"] == "notify" and row["state"] == "delivered"}
    assert len(digests) == 1
    assert set(digests[0]["payload"]["mentions"]) == folded
    assert folded | told >= {*names, "a9"}
    assert not [
        row for row in rows if row["destination"] == "slack" and row["state"] in ("pending", "unknown")
    ]
    assert len(slack.history()) == len(set(slack.history()))
