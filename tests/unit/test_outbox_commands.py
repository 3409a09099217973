"""What a person can do from the command line, and what each command refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.lib.ledger import morning, new_ledger, promised, publish, run

from customer_health.cli import command_line, command_session
from customer_health.cli.people_commands import Outcome
from customer_health.ledger import episode_events
from customer_health.ledger.outbox import admin
from customer_health.playbooks import actions


@pytest.fixture
def ledger(home):
    """Acme turned Critical this morning, by the test's own clock."""
    engine = new_ledger(home)
    for number, score in ((1, 61), (2, 20)):
        publish(engine, number, {"acme": score, "calm": 90})
        run(engine, number)
    yield engine
    engine.dispose()


@pytest.fixture
def say(ledger, home, monkeypatch, capsys):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return morning(2) + timedelta(hours=1)

    monkeypatch.setattr(command_session, "datetime", Clock)

    def of(*words):
        code = command_line.main(["--home", str(home), *words])
        seen = capsys.readouterr()
        return code, seen.out + seen.err

    return of


def test_what_waits_can_be_listed_approved_and_declined(say, ledger):
    code, said = say("awaiting")
    keys = [line.split()[0] for line in said.splitlines() if "critical_save/" in line]
    assert (code, len(keys)) == (0, 2)

    assert say("approve", keys[0], "--by", "lee", "--reason", "well put")[0] == 0
    assert say("decline", keys[1], "--by", "lee", "--reason", "too early")[0] == 0
    assert "Nothing waits" in say("awaiting")[1]
    code, said = say("approve", keys[1], "--by", "lee", "--reason", "after all")
    assert (code, "it waits for no approval" in said) == (1, True)


def test_the_outcomes_of_the_command_the_task_and_the_ledger_are_the_same():
    in_the_crm = tuple(episode_events.outcome_named(words) for words in actions.OUTCOMES)
    assert tuple(Outcome) == episode_events.OUTCOMES == in_the_crm


def test_who_and_why_are_asked_for(say):
    code, said = say("approve", "some-key", "--by", "lee")
    assert (code, "--reason" in said) == (2, True)


def test_an_episode_is_acknowledged_snoozed_and_judged(say, ledger):
    episode = promised(ledger, "notify", account_id="acme")[0]["episode_id"]
    assert "dana is on it" in say("ack", episode, "--by", "dana")[1]
    words = ("--by", "dana", "--reason", "they are on holiday")
    assert say("snooze", episode, "--until", "2026-11-09", *words)[0] == 0
    assert say("outcome", episode, "saved", "--by", "dana", "--reason", "they renewed")[0] == 0
    assert [row["kind"] for row in episode_events.events_of(ledger, episode)] == [
        "acknowledged",
        "snoozed",
        "outcome",
    ]
    code, said = say("ack", episode[:-1], "--by", "dana")
    assert (code, f"Did you mean one of: {episode}" in said) == (1, True)


def test_a_resend_keeps_its_reason_and_a_switch_its_owner(say, ledger):
    key = promised(ledger, "create_task", step="urgent_review")[0]["key"]
    assert "only what was sent" in say("resend", key, "--by", "lee", "--reason", "they lost it")[1]
    assert say("stop", "destination", "slack", "--by", "lee", "--reason", "wrong workspace")[0] == 0
    assert "wrong workspace (lee" in say("switches")[1]
    assert "runs." in say("start", "destination", "slack")[1]
    assert "Nothing is stopped" in say("switches")[1]


def test_the_hourly_look_can_be_taken_by_hand(say, ledger):
    assert "nothing was due" in say("follow-up")[1]
    assert admin.find(ledger, as_of=datetime(2030, 1, 1, tzinfo=UTC).date()) == []
