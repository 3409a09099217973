"""Whom an alert is worth, what it blames, and what a first day may unload on people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.lib.ledger import alerts, day, morning, new_ledger, outcome, promised, publish, run

from customer_health import pipeline
from customer_health.company import CompanyConfig, EconomicsConfig
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.ledger import decisions, episodes, kill_switches
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.account_value import clv_remaining
from customer_health.playbooks.routing import due_at, not_before
from customer_health.settings import load_settings
from customer_health.warehouse.connect import open_warehouse


def config(**numbers):
    return CompanyConfig(playbooks=PlaybookConfig(**numbers))


def changed(before, after, calendar, **moved):
    steps = {"calendar": calendar, **moved}
    return {
        "score": after,
        "change": {
            "from": before,
            "delta": after - before,
            "moved": [{"concept": name, "points": points} for name, points in steps.items() if points],
        },
    }


def test_a_tiny_account_gets_the_digital_programme_and_the_decision_says_why(ledger):
    tiny = {"arr": 1_060.0, "expected_loss": 140.0}
    publish(ledger, 1, {"tiny": {"score": 60, **tiny}, "calm": 90})
    run(ledger, 1)
    publish(ledger, 2, {"tiny": {"score": 20, **tiny}, "calm": 90})
    run(ledger, 2)

    assert alerts(ledger) == []
    assert promised(ledger, "create_task", account_id="tiny") == []
    assert [row["payload"]["play"] for row in promised(ledger, "enroll", playbook="small_account")] == [
        "digital_nurture"
    ]
    said = outcome(ledger, 2, "tiny", "critical_save")
    assert said[0] == "suppressed"
    assert "ARR 1,060 USD is below 5,000 USD, expected loss 140 USD below 500 USD" in said[1]
    assert "small_account" in episodes.all_of(ledger, "tiny")[0].suppressed_reason


def test_a_small_account_that_is_not_quite_healthy_gets_the_digital_programme_too(ledger):
    """An escalation at $1,060 a year had no next step at all."""
    publish(ledger, 1, {"calm": 90})
    run(ledger, 1)
    publish(ledger, 2, {"tiny": {"score": 62, "arr": 1_060.0, "expected_loss": 140.0}, "calm": 90})
    run(ledger, 2)
    assert [row["account_id"] for row in promised(ledger, "enroll", playbook="small_account")] == ["tiny"]
    assert promised(ledger, "create_task", account_id="tiny") == []


def test_a_small_account_with_much_to_lose_and_one_of_unknown_size_still_get_people(ledger):
    for number, score in ((1, 60), (2, 20)):
        publish(
            ledger,
            number,
            {
                "small": {"score": score, "arr": 4_000.0, "expected_loss": 2_000.0},
                "unknown": {"score": score, "arr": None},
            },
        )
        run(ledger, number)

    assert alerts(ledger) == ["small", "unknown"]


def test_what_is_left_to_earn_must_pay_for_a_play():
    rules = EconomicsConfig()
    assert clv_remaining(10_000, 0.0, rules) == pytest.approx(10_000 * 0.8 * 5)
    assert clv_remaining(10_000, 1.0, rules) == pytest.approx(10_000 * 0.8 / 1.1)
    assert clv_remaining(10_000, 0.5, rules) < clv_remaining(10_000, 0.1, rules)


def test_an_account_that_will_leave_anyway_is_a_zombie_by_lifetime_value(ledger):
    publish(ledger, 1, {"acme": {"score": 10, "arr": 5_100.0, "p180": 0.99}})
    run(ledger, 1, CompanyConfig(economics=EconomicsConfig(play_cost=5_000)))

    assert "remaining lifetime value" in outcome(ledger, 1, "acme", "critical_save")[1]
    assert "below the 5,000 USD of a play" in outcome(ledger, 1, "acme", "critical_save")[1]


def test_a_fall_is_the_customers_unless_the_model_or_the_meaning_of_its_score_changed(ledger):
    publish(ledger, 1, {"acme": 97})
    run(ledger, 1)
    publish(ledger, 2, {"acme": changed(97, 40, 0.0, usage=-57.0)})
    run(ledger, 2)

    (alert,) = promised(ledger, "notify", account_id="acme")
    assert (alert["payload"]["cause"], alert["payload"]["cause_note"]) == ("customer", "")
    assert episodes.all_of(ledger, "acme")[0].cause == "customer"


def test_no_customer_is_alerted_because_scores_mean_something_else_from_today(ledger):
    """The day on which scores began to mean health instead of a 180-day probability."""
    names = [f"a{n}" for n in range(4)]
    publish(ledger, 1, dict.fromkeys([*names, "calm"], 80))
    run(ledger, 1)
    health = {"meaning": "health_119d"}
    publish(ledger, 2, {**{name: {"score": 25, **health} for name in names}, "calm": {"score": 90, **health}})
    run(ledger, 2, config(mass_move_floor=3, first_run_tasks=1))

    assert alerts(ledger) == []
    assert alerts(ledger, "brake") == []
    assert {episode.cause for name in names for episode in episodes.all_of(ledger, name)} == {"model"}


def test_what_a_new_model_made_red_is_one_summary_and_no_customers_alert(ledger):
    names = [f"a{n}" for n in range(4)]
    publish(ledger, 1, dict.fromkeys([*names, "calm"], 80))
    run(ledger, 1)
    publish(ledger, 2, {**dict.fromkeys(names, 25), "calm": 90}, model_id="m-2")
    settings = config(mass_move_floor=3, first_run_tasks=1)
    run(ledger, 2, settings)
    run(ledger, 2, settings)

    assert alerts(ledger) == []
    assert alerts(ledger, "brake") == []
    (summary,) = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "new_model"]
    assert summary["payload"]["count"] == 4
    assert len({row["account_id"] for row in promised(ledger, "create_task", playbook="critical_save")}) == 1
    assert {episode.cause for episode in episodes.all_of(ledger)} == {"model"}
    assert [outcome(ledger, 2, name, "critical_save")[0] for name in names].count("held_by_new_model") == 3

    publish(ledger, 3, {**dict.fromkeys(names, 25), "calm": 90}, model_id="m-2")
    run(ledger, 3, settings)  # the tasks follow, one a day
    assert len({row["account_id"] for row in promised(ledger, "create_task", playbook="critical_save")}) == 2


def test_a_recovery_that_a_new_model_brought_is_marked_as_nobodys_save(ledger):
    for number, score, model in ((1, 60, "m-1"), (2, 20, "m-1"), (3, 60, "m-2"), (4, 60, "m-2")):
        publish(ledger, number, {"acme": score}, model_id=model)
        run(ledger, number)

    (episode,) = episodes.all_of(ledger, "acme")
    assert (episode.outcome, episode.recovery_cause) == ("recovered", "model")


def test_expansions_are_proposed_a_few_a_day_largest_first(ledger):
    def thriving(number):
        names = {f"a{n}": {"arr": 10_000.0 * n} for n in range(1, 8)}
        fields = {"score": 90, "reasons": [], "days_to_renewal": 60.0}
        publish(ledger, number, {name: {**fields, **given} for name, given in names.items()})

    settings = config(opportunities_per_day=3)
    for number in (1, 2, 3):
        thriving(number)
        run(ledger, number, settings)
        run(ledger, number, settings)

    by_day = [
        [row["account_id"] for row in promised(ledger, "create_opportunity", as_of=day(n))] for n in (1, 2, 3)
    ]
    assert by_day == [["a5", "a6", "a7"], ["a2", "a3", "a4"], ["a1"]]
    assert outcome(ledger, 1, "a1", "expansion_opportunity")[0] == "daily_limit"


def test_a_quarterly_check_in_has_a_date_and_no_alarm(ledger):
    for number in range(1, 92, 6):
        publish(ledger, number, {"acme": {"score": 85, "reasons": []}})
        run(ledger, number)

    (task, *_) = promised(ledger, "create_task", playbook="healthy_checkin")
    assert task["payload"]["escalates_at"] is None


def test_a_save_play_escalates_48_hours_after_the_score_was_published_when_its_owner_works(ledger):
    for number, score in ((1, 60), (2, 20)):
        publish(ledger, number, {"acme": score})
        run(ledger, number)

    task = promised(ledger, "create_task", step="urgent_review")[0]["payload"]
    assert datetime.fromisoformat(task["escalates_at"]) == morning(2) + timedelta(hours=52)  # at nine


def test_a_task_says_when_it_is_due_on_its_owners_clock(ledger):
    for number, score in ((1, 60), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90}, timezone="Asia/Tokyo")
        run(ledger, number)
    (row,) = promised(ledger, "create_task", step="executive_outreach")
    assert row["payload"]["subject"].endswith("(due Wed 14:00)")
    assert "**Due:** Wed 4 Nov 14:00 (Asia/Tokyo); escalates" in task_markdown(row["payload"])
    assert row["payload"]["due_at"] == "2026-11-04T05:00:00+00:00"


def test_a_task_decided_late_is_not_overdue_when_it_opens():
    published, later = morning(2), morning(3) + timedelta(hours=6)
    assert due_at(published, published, timedelta(hours=24)) == morning(3)
    assert due_at(published, later, timedelta(hours=24)) == later + timedelta(hours=12)
    friday = datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert due_at(friday, friday, timedelta(days=8)).strftime("%a") == "Mon"  # not on Saturday


def test_a_long_task_falls_on_no_weekend_where_its_owner_works():
    """Friday 22:00 UTC is Saturday morning in Tokyo; Sunday 23:00 UTC is Monday there."""
    published = datetime(2026, 11, 13, 22, tzinfo=UTC)
    week = timedelta(days=7)
    assert due_at(published, published, week, "Asia/Tokyo") == datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert due_at(published, published, week) == published + week
    sunday = datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert due_at(sunday, sunday, week, "Asia/Tokyo") == sunday + week


def live(**quiet):
    return CompanyConfig.model_validate({"destinations": {"slack": "webhook"}, "playbooks": {"quiet": quiet}})


@pytest.mark.parametrize(
    ("moment", "zone", "leaves"),
    [
        ("2026-11-18T12:00", "UTC", "2026-11-18T12:00"),
        ("2026-11-18T22:00", "UTC", "2026-11-19T07:00"),
        ("2026-11-20T18:30", "America/New_York", "2026-11-20T18:30"),  # 13:30 there
        ("2026-11-20T18:30", "Europe/Berlin", "2026-11-23T06:00"),  # Friday 19:30 -> Monday 07:00
        ("2026-03-28T03:00", "Europe/Berlin", "2026-03-30T05:00"),  # over the night of the clock change
        ("2026-11-18T22:00", "Nowhere/Land", "2026-11-19T07:00"),
    ],
)
def test_nobody_is_disturbed_in_the_evening_or_at_the_weekend_of_their_own_zone(moment, zone, leaves):
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert not_before(now, "dana@example.com", zone, live()) == datetime.fromisoformat(leaves).replace(
        tzinfo=UTC
    )


def test_a_preview_wakes_nobody_so_nothing_waits():
    night = datetime(2026, 11, 18, 23, tzinfo=UTC)
    assert not_before(night, "dana@example.com", "UTC", CompanyConfig()) == night


def test_the_first_route_that_fits_decides_the_channel(ledger):
    settings = CompanyConfig.model_validate(
        {
            "playbooks": {
                "routes": [
                    {"segments": ["smb"], "channel": "#smb"},
                    {"tiers": ["Critical"], "owners": ["dana@example.com"], "channel": "#dana"},
                ]
            }
        }
    )
    for number, score in ((1, 60), (2, 20)):
        publish(
            ledger, number, {"a": score, "b": {"score": score, "segment": "smb"}, "c": {"score": score + 15}}
        )
        run(ledger, number, settings)

    channels = {row["account_id"]: row["payload"]["channel"] for row in promised(ledger, "notify")}
    assert (channels["a"], channels["b"], channels["c"]) == ("#dana", "#smb", "#csm-alerts")


def test_a_lasting_fall_is_not_a_single_bad_day(ledger, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "sliding.yaml").write_text(
        "name: sliding\ntitle: Sliding\nbecause: It slides.\nonce_per: cooldown\ncooldown: 60d\n"
        "when: {lasting_fall: {points: 15, days: 28, readings: 3}}\n"
        "do:\n  - create_task: {type: call, subject: Call, due_in: 7d}\n"
    )
    fired = []
    for number, score in enumerate([90, 70, 90, 74, 73, 72], 1):
        publish(ledger, number, {"acme": score})
        run(ledger, number, library=library)
        fired.append(outcome(ledger, number, "acme", "sliding")[0])

    assert fired == ["no_match"] * 5 + ["fired"]
    assert "16 points below the best of 28 days" in outcome(ledger, 6, "acme", "sliding")[1]


@pytest.mark.parametrize(
    ("shrinks", "leaves", "score", "days", "fires"),
    [(0.5, 0.1, 55, 120, 1), (0.1, 0.5, 55, 120, 0), (0.5, 0.1, 85, 120, 0), (0.5, 0.1, 55, 300, 0)],
)
def test_who_means_to_shrink_gets_a_seat_review_with_the_audit_and_who_means_to_leave_does_not(
    ledger, shrinks, leaves, score, days, fires
):
    columns = {"p180": leaves, "p180_downgrade": 0.05, "p180_contraction": shrinks, "days_to_renewal": days}
    publish(ledger, 1, {"acme": {"score": score, **columns}})
    run(ledger, 1)
    found = promised(ledger, "create_task", playbook="efficiency_review")
    assert len(found) == fires
    assert all(row["payload"]["usage_audit"]["seats"] == 100.0 for row in found)


def test_a_playbook_in_shadow_reports_once_per_cycle_what_it_would_have_done(ledger):
    for number, score in enumerate([60, 20, 20, 20], 1):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number, config(shadow=("critical_save",)))

    assert promised(ledger, "create_task", playbook="critical_save") == []
    (report,) = decisions.would_have_fired(ledger, day(1), day(9))
    assert (report.playbook, report.firings, report.accounts, report.first) == ("critical_save", 1, 1, day(2))
    assert report.examples == (("acme", "would have fired: score is 20"),)


def test_a_kill_switch_stops_a_playbook_at_once_and_names_who_threw_it(ledger):
    kill_switches.stop(ledger, "playbook", "critical_save", by="lee", reason="wrong owner", now=morning(1))
    for number, score in ((1, 60), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number)

    assert promised(ledger, "create_task", account_id="acme") == []
    assert "stopped by lee: wrong owner" in outcome(ledger, 2, "acme", "critical_save")[1]
    assert kill_switches.start(ledger, "playbook", "critical_save")
    publish(ledger, 3, {"acme": 20, "calm": 90})
    run(ledger, 3)
    assert len(promised(ledger, "create_task", account_id="acme", playbook="critical_save")) == 6


def test_a_stale_source_turns_single_alerts_into_one_summary_that_waits(ledger):
    publish(ledger, 1, {"acme": 60, "calm": 90})
    run(ledger, 1)
    publish(ledger, 2, {"acme": 20, "calm": 90})
    for _ in range(2):
        run(ledger, 2, hold="zendesk is 3 days old")

    assert alerts(ledger) == []
    (summary,) = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "brake"]
    assert summary["state"] == "awaiting_approval"
    assert outcome(ledger, 2, "acme", "critical_save")[1].count("zendesk is 3 days old") == 1


@pytest.mark.parametrize(("days_old", "held"), [(2.0, False), (9.0, True), (None, False)])
def test_old_usage_data_holds_the_alerts_of_the_whole_chain(home, days_old, held):
    engine = new_ledger(home)
    publish(engine, 1, {"acme": 60, "calm": 90})
    run(engine, 1)
    publish(engine, 2, {"acme": 20, "calm": 90})
    chosen = load_settings({}, home=home)
    with open_warehouse(chosen.warehouse_url) as con:
        con.execute("CREATE TABLE ops.freshness (as_of DATE, table_name VARCHAR, days_old DOUBLE)")
        con.execute("INSERT INTO ops.freshness VALUES (?, 'usage', ?)", [day(2), days_old])
    pipeline.run_playbooks(chosen, as_of=day(2), now=morning(2))

    assert alerts(engine) == ([] if held else ["acme"])
    assert len(alerts(engine, "brake")) == int(held)
    engine.dispose()
