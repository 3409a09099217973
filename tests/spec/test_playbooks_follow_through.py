"""From the alert to its end: one message, a clock that people stop, and what they say became of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.lib.follow_through import after, fall, said, seen, task
from tests.lib.ledger import alerts, band_of, day, morning, promised, publish, run
from tests.lib.remote import Remote

from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.errors import FatalError
from customer_health.ledger import crm_tasks, episode_events
from customer_health.ledger.outbox import admin
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.reminders import follow_up as look


def test_nobody_is_reminded_before_36_hours_and_everybody_once(ledger):
    fall(ledger)
    assert not any(after(ledger, 35).values())
    assert after(ledger, 36)["reminded"] == 1
    assert after(ledger, 37)["thread_messages"] == 0

    assert said(ledger) == [
        "dana@example.com: no step has begun; in 12 h this goes to the lead. React 👀 if you are on it."
    ]


def test_after_48_hours_it_goes_to_the_owner_and_the_lead_and_the_message_says_so(ledger):
    fall(ledger)
    after(ledger, 36)
    after(ledger, 52)
    after(ledger, 60)

    assert said(ledger)[1:] == [
        "48 h without a first step. dana@example.com, lee@example.com: who takes it?",
        "[Escalated: no first step in time]",
    ]


def test_nothing_escalates_before_it_is_due_in_its_owners_hours(ledger):
    """Red on a Saturday: due, and late, on Wednesday at nine in Berlin, not at midnight."""
    saturday = 7  # of November 2026
    for number, score in ((saturday - 1, 61), (saturday, 20)):
        publish(ledger, number, {"acme": score, "calm": 90}, timezone="Europe/Berlin")
        run(ledger, number)
    due = {row["payload"]["due_at"] for row in promised(ledger, "create_task", step="executive_outreach")}
    assert due == {"2026-11-11T08:00:00+00:00"}
    wednesday = datetime(2026, 11, 11, tzinfo=UTC)
    for hour in (0, 3, 7):
        assert look(ledger, CompanyConfig(), now=wednesday + timedelta(hours=hour)).numbers["escalated"] == 0
    assert look(ledger, CompanyConfig(), now=wednesday + timedelta(hours=8)).numbers["escalated"] == 1


def test_a_score_that_wavers_around_red_says_so_once(ledger):
    """Below and above for three weeks: one alert, and nothing in its thread that anybody would hear."""
    publish(ledger, 1, {"acme": 61, "calm": 90})
    run(ledger, 1)
    for number in range(2, 23):
        publish(ledger, number, {"acme": 38 if number % 2 else 43, "calm": 90})
        run(ledger, number)
    assert len(promised(ledger, "notify", account_id="acme")) == 1
    heard = [row["payload"]["text"] for row in admin.find(ledger) if row["verb"] == "reply"]
    assert [text for text in heard if "first step" not in text and "no step" not in text] == []


def test_an_outage_of_the_clock_leads_to_the_escalation_alone(ledger):
    fall(ledger)
    after(ledger, 80)

    assert said(ledger)[0].startswith("48 h without a first step")
    assert len(said(ledger)) == 2


def test_a_begun_task_stops_the_clock(ledger):
    fall(ledger)
    assert crm_tasks.take_in(ledger, [seen(task(ledger), 30)]) == 1
    assert crm_tasks.take_in(ledger, [seen(task(ledger), 30)]) == 0
    after(ledger, 36)
    after(ledger, 60)

    assert said(ledger) == ["[First step begun 3 Nov 11:00 UTC]"]


def test_an_acknowledgement_saves_the_reminder_but_not_the_escalation(ledger):
    episode = fall(ledger)
    assert episode_events.acknowledge(ledger, episode, by="dana", now=morning(2) + timedelta(hours=3))
    assert not episode_events.acknowledge(ledger, episode, by="lee", now=morning(2) + timedelta(hours=4))
    after(ledger, 36)
    after(ledger, 52)

    assert [line for line in said(ledger) if "dana is on it" in line] == [
        "[dana is on it since 2 Nov 08:00 UTC]"
    ]
    assert any("48 h without" in line for line in said(ledger))


def test_a_snooze_needs_a_reason_and_an_end_and_the_clock_goes_on_when_it_is_over(ledger):
    episode = fall(ledger)
    now = morning(2) + timedelta(hours=2)
    for until, reason in (
        (day(20), "no"),
        (day(1), "they are on holiday"),
        (day(200), "they are on holiday"),
    ):
        with pytest.raises(FatalError):
            episode_events.snooze(ledger, episode, until=until, by="dana", reason=reason, now=now)
    episode_events.snooze(ledger, episode, until=day(9), by="dana", reason="they are on holiday", now=now)

    after(ledger, 60)
    assert said(ledger) == ["[Snoozed until 9 Nov by dana: they are on holiday]"]
    after(ledger, 24 * 7 + 2)  # the morning of day 9
    assert said(ledger)[-2].startswith("dana@example.com: no step has begun")
    after(ledger, 24 * 7 + 14)
    assert "[Escalated: no first step in time]" in said(ledger)


def test_a_recovery_is_told_where_the_alarm_was_and_nowhere_else(ledger):
    fall(ledger)
    for number, score in ((3, 47), (4, 52)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number)

    assert said(ledger) == [
        "[Recovering: score 47]",
        "Recovered in 1 d; score 52.",
        "[Recovered in 1 d; score 52]",
    ]
    assert alerts(ledger) == ["acme"]


def test_an_account_that_left_ends_its_message_too(ledger):
    fall(ledger)
    for number in (3, 4):
        publish(ledger, number, {"calm": 90})
        run(ledger, number)

    assert said(ledger) == ["No customer any more.", "[No customer any more]"]


def test_a_restated_day_that_reopens_the_episode_corrects_the_message(ledger):
    fall(ledger)
    for score in (52, 20, 52):
        for number in (3, 4):
            publish(ledger, number, {"acme": score if number == 4 else 52, "calm": 90})
        run(ledger, 4)
        run(ledger, 4)

    edits = [row["payload"]["status"]["state"] for row in promised(ledger, "update_message")]
    assert edits == ["recovered", "open_2", "recovered"]


def test_the_thread_waits_for_its_message_and_keeps_its_order(ledger, tmp_path):
    fall(ledger)
    after(ledger, 36)
    after(ledger, 52)
    down = [True]

    def fault(moment, effect):
        if down[0] and effect.verb == "notify":
            raise ConnectionError("down")

    remote = Remote(tmp_path, fault=fault)
    clock = morning(4) + timedelta(hours=5)
    deliver(ledger, remote, now=lambda: clock)
    assert remote.history() == []

    down[0] = False
    clock += timedelta(hours=1)
    deliver(ledger, remote, now=lambda: clock)
    rows = {row["key"]: row for row in admin.find(ledger)}
    parent = next(key for key, row in rows.items() if row["account_id"] == "acme" and row["verb"] == "notify")
    history = [key for key in remote.history() if rows[key]["account_id"] == "acme"]
    steps = [rows[key]["step"] for key in history]
    assert steps[:2] == ["alert", "reply_reminded"]
    assert set(steps[2:]) == {"reply_escalated", "state_01"}
    assert remote.payloads[history[1]]["parent_remote_id"] == rows[parent]["remote_id"]


def test_an_edit_that_was_overtaken_is_not_sent(ledger):
    episode = fall(ledger)
    episode_events.acknowledge(ledger, episode, by="dana", now=morning(2))
    after(ledger, 1)
    episode_events.record_outcome(ledger, episode, "saved", by="dana", reason="they renewed", now=morning(3))
    after(ledger, 25)

    states = [row["state"] for row in promised(ledger, "update_message")]
    assert sorted(states) == ["pending", "superseded"]


def test_an_account_told_in_the_digest_only_escalates_in_one_message_of_the_day(ledger):
    settings = CompanyConfig(playbooks=PlaybookConfig(alerts_per_owner_per_day=0))
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "bolt": score, "calm": 90})
        run(ledger, number, settings)
    after(ledger, 53, settings)
    after(ledger, 50, settings)

    (message,) = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "overdue"]
    assert message["payload"]["count"] == 2
    assert slack_limits.problems(blocks.message(message["payload"])) == []


def test_no_clock_runs_for_what_was_red_before_for_the_small_and_for_the_held_out(ledger):
    settings = CompanyConfig.model_validate(
        {"playbooks": {"holdout": {"share": 0.5, "max_arr": 1_000_000}, "mass_move_floor": 50}}
    )
    for number, score in ((1, 61), (2, 20)):
        names = {f"a{n}": score for n in range(4)}
        publish(
            ledger, number, {**names, "old": 20, "tiny": {"score": score, "arr": 900, "expected_loss": 9}}
        )
        run(ledger, number, settings)
    after(ledger, 60, settings)

    escalated = {row["account_id"] for row in promised(ledger, "reply")}
    tasks = {row["account_id"] for row in promised(ledger, "create_task", playbook="critical_save")}
    assert escalated == tasks - {"old"}
    assert alerts(ledger, "overdue") == []
    assert len(escalated) == 2


def test_every_message_that_follows_an_alert_is_one_that_slack_takes(ledger):
    episode = fall(ledger)
    episode_events.acknowledge(ledger, episode, by="<!channel> *x*", now=morning(2))
    after(ledger, 60)
    for row in admin.find(ledger):
        if row["destination"] == "slack":
            assert slack_limits.problems(blocks.message(row["payload"])) == []


def test_the_monday_digest_comes_once_a_week_and_not_in_the_week_of_the_first_day(ledger):
    monday = date(2026, 11, 9)
    settled = CompanyConfig()
    for number in range(1, 18):  # day 1 is a Sunday
        worse = 30 if number >= 8 else 75
        publish(
            ledger,
            number,
            {
                "acme": {
                    "score": worse,
                    "tier": "At Risk" if worse == 30 else "Healthy",
                    "band": band_of(worse),
                },
                "calm": {"score": 90, "reasons": [], "days_to_renewal": 60.0},
                "tiny": {"score": worse, "arr": 900.0, "expected_loss": 9.0},
            },
        )
        run(ledger, number, settled)
        run(ledger, number, settled)

    digests = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "weekly"]
    assert [row["as_of"] for row in digests] == [
        monday - timedelta(days=7),
        monday,
        monday + timedelta(days=7),
    ]
    payload = digests[1]["payload"]
    assert [entry["account_id"] for entry in payload["worst"]["entries"]] == ["acme", "tiny"]
    assert payload["tiers"]["Healthy"]["accounts_change"] == -2
    assert [payload[name]["count"] for name in ("small", "expansion", "overdue", "saved")] == [1, 1, 0, 0]
    message = blocks.message(payload)
    assert slack_limits.problems(message) == []
    page = slack_limits.as_markdown(message)
    assert "Turned Red, too small for people" in page
    assert "Healthy: 1 account (−2)" in page


def test_the_monday_digest_compares_no_tiers_across_two_meanings_of_the_score(ledger):
    for number in range(1, 24):
        health = {"meaning": "health_119d"} if number >= 10 else {}
        rows = {"acme": 90, "fell": 75 if number < 5 else 60, "rose": 60}
        publish(ledger, number, {name: {"score": score, **health} for name, score in rows.items()})
        run(ledger, number)

    first, second, third, fourth = (
        slack_limits.as_markdown(blocks.message(row["payload"]))
        for row in promised(ledger, "notify")
        if row["payload"]["kind"] == "weekly"
    )
    assert "Healthy: 1 account (−1)" in second
    for alone in (first, third):
        assert "(+" not in alone
    assert "Tiers are compared from 17 Nov 2026 on" in third
    assert "Healthy: 1 account (+0)" in fourth
    assert "compared from" not in fourth
