"""When an alert is due, when a task is, and when nothing is: the rules a CSM lead would state."""

from datetime import date, timedelta

import pytest
from tests.lib.ledger import alerts, day, morning, outcome, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger import decisions, episodes
from customer_health.ledger.outbox import admin
from customer_health.playbook_config import PlaybookConfig


def config(**numbers):
    return CompanyConfig(playbooks=PlaybookConfig(**numbers))


def tell(ledger, story, *, account="acme", settings=None):
    """Publish one score per day and run the playbooks every day."""
    for number, score in enumerate(story, 1):
        publish(ledger, number, {account: score, "calm": 90})
        run(ledger, number, settings)


def test_a_fall_into_critical_alerts_once_and_opens_the_save_play(ledger):
    tell(ledger, [61, 27, 27, 25])

    assert alerts(ledger) == ["acme"]
    steps = [row["step"] for row in promised(ledger, "create_task", playbook="critical_save")]
    assert steps == [
        "concession_review",
        "executive_outreach",
        "schedule_ebr",
        "urgent_review",
        "usage_audit",
        "value_realization_call",
    ]
    urgent = promised(ledger, "create_task", step="urgent_review")[0]
    assert urgent["payload"]["owner"]["email"] == "lee@example.com"
    assert outcome(ledger, 4, "acme", "critical_save")[0] == "done_already"


def test_red_but_not_critical_gets_the_save_play_without_urgent_review_and_an_ebr(ledger):
    tell(ledger, [61, 35])

    steps = [row["step"] for row in promised(ledger, "create_task", account_id="acme")]
    assert steps == ["executive_outreach", "schedule_ebr", "usage_audit", "value_realization_call"]
    assert outcome(ledger, 2, "acme", "at_risk") == (
        "excluded",
        "red_save acts instead: tier is at risk / red; score is 35",
    )


def test_sinking_from_red_to_critical_is_news_in_the_thread_and_wavering_at_30_is_none(ledger):
    tell(ledger, [61, 35, 28, 31, 28, 31, 28])

    assert [row["playbook"] for row in promised(ledger, "notify", account_id="acme")] == ["red_save"]
    (reply,) = [row for row in promised(ledger, "reply") if row["step"] == "reply_worse_2"]
    assert reply["payload"]["text"] == "Worse: now Critical, score 28."
    assert reply["payload"]["broadcast"]
    assert len(promised(ledger, "create_task", step="urgent_review")) == 1


def test_a_score_that_wavers_around_40_is_one_episode(ledger):
    tell(ledger, [61, 39, 42, 39, 43, 38])

    assert len(episodes.all_of(ledger, "acme")) == 1
    assert alerts(ledger) == ["acme"]


def test_an_episode_ends_with_the_second_reading_above_red_and_margin(ledger):
    tell(ledger, [61, 30, 46, 44, 46])
    assert episodes.all_of(ledger, "acme")[0].closed_as_of is None

    publish(ledger, 6, {"acme": 47, "calm": 90})
    run(ledger, 6)

    episode = episodes.all_of(ledger, "acme")[0]
    assert (episode.outcome, episode.recovered_as_of, episode.closed_as_of) == ("recovered", day(5), day(6))


def test_after_a_recovery_the_next_fall_is_a_new_episode_with_a_new_alert(ledger):
    tell(ledger, [61, 30, 60, 60, 25])

    assert len(episodes.all_of(ledger, "acme")) == 2
    assert alerts(ledger) == ["acme", "acme"]


def test_an_account_that_was_red_before_we_watched_gets_its_task_and_no_alert(ledger):
    publish(ledger, 1, {"acme": 20})
    publish(ledger, 2, {"acme": 18})
    run(ledger, 2)

    assert alerts(ledger) == []
    assert len(promised(ledger, "create_task", account_id="acme", state="pending")) == 5
    assert episodes.all_of(ledger)[0].inherited
    assert episodes.all_of(ledger)[0].red_since == day(1)


def test_an_account_without_an_earlier_score_is_inherited_too(ledger):
    publish(ledger, 1, {"acme": 20})
    run(ledger, 1)

    assert alerts(ledger) == []
    assert alerts(ledger, "baseline") == ["portfolio"]


def test_a_back_filled_score_decides_what_is_a_transition(ledger):
    """Day 1 was scored long after day 2 had to be; what counts is that it is published."""
    publish(ledger, 3, {"acme": 20})
    publish(ledger, 1, {"acme": 70})
    run(ledger, 3)

    assert alerts(ledger) == ["acme"]


def test_the_first_run_opens_tasks_for_the_largest_losses_and_the_rest_follow_day_by_day(ledger):
    settings = config(first_run_tasks=2)
    losses = {f"a{n}": {"score": 35, "expected_loss": 1000.0 * n} for n in range(1, 6)}
    publish(ledger, 1, losses)
    run(ledger, 1, settings)
    assert {row["account_id"] for row in promised(ledger, "create_task")} == {"a5", "a4"}
    assert outcome(ledger, 1, "a1", "red_save")[0] == "first_run_backlog"
    assert promised(ledger, "notify")[0]["payload"]["backlog"] == 3

    run(ledger, 1, settings)  # the same day again opens no further places
    assert {row["account_id"] for row in promised(ledger, "create_task")} == {"a5", "a4"}

    publish(ledger, 2, losses)
    run(ledger, 2, settings)
    assert {row["account_id"] for row in promised(ledger, "create_task")} == {"a5", "a4", "a3", "a2"}
    assert alerts(ledger) == []
    assert len(alerts(ledger, "baseline")) == 1


def test_an_old_day_is_decided_and_logged_but_nothing_leaves_and_no_episode_opens(ledger):
    publish(ledger, 1, {"acme": 61})
    publish(ledger, 2, {"acme": 20})

    done = run(ledger, 2, now=morning(2) + timedelta(hours=36))

    assert done.mode == "too_old"
    assert admin.find(ledger) == []
    assert episodes.all_of(ledger) == []
    assert outcome(ledger, 2, "acme", "critical_save")[0] == "too_old"


def test_looking_at_an_old_day_again_does_not_blot_out_what_was_decided_then(ledger):
    tell(ledger, [61, 20])
    before = decisions.of(ledger, day(2))

    run(ledger, 2, now=morning(5))

    assert decisions.of(ledger, day(2)) == before


def test_a_day_before_one_that_acted_already_acts_no_more(ledger):
    tell(ledger, [61, 60])
    publish(ledger, 1, {"acme": 10, "calm": 90})

    assert run(ledger, 1, now=morning(2)).mode == "superseded"
    assert alerts(ledger) == []


def test_a_day_that_has_not_come_and_a_day_without_scores_are_refused(ledger):
    publish(ledger, 2, {"acme": 20})
    with pytest.raises(ConfigurationError, match="has not come yet"):
        run(ledger, 2, now=morning(1))
    with pytest.raises(FatalError, match="Run score_accounts"):
        run(ledger, 3)


def test_one_owner_gets_five_alerts_a_day_and_the_rest_in_one_digest(ledger):
    settings = config(mass_move_floor=100)
    accounts = [f"a{n}" for n in range(8)]
    publish(ledger, 1, dict.fromkeys(accounts, 60))
    run(ledger, 1, settings)
    publish(ledger, 2, {name: {"score": 20, "expected_loss": 10.0 * n} for n, name in enumerate(accounts)})
    run(ledger, 2, settings)
    run(ledger, 2, settings)

    assert alerts(ledger) == ["a3", "a4", "a5", "a6", "a7"]
    digest = [row["payload"] for row in promised(ledger, "notify") if row["payload"]["kind"] == "digest"]
    assert [item["mentions"] for item in digest] == [["a2", "a1", "a0"]]
    assert "digest" in outcome(ledger, 2, "a0", "critical_save")[1]


def test_a_mass_move_makes_one_summary_and_holds_back_most_tasks(ledger):
    settings = config(first_run_tasks=1)
    accounts = [f"a{n}" for n in range(8)]
    publish(ledger, 1, dict.fromkeys(accounts, 80))
    run(ledger, 1, settings)
    for _ in range(2):
        publish(ledger, 2, dict.fromkeys(accounts, 20))
        run(ledger, 2, settings)

    assert alerts(ledger) == []
    assert alerts(ledger, "brake") == ["portfolio"]
    tasks = {row["account_id"] for row in promised(ledger, "create_task", playbook="critical_save")}
    assert tasks == {"a0"}
    assert outcome(ledger, 2, "a1", "critical_save")[0] == "held_by_brake"


def test_a_small_account_red_for_a_year_is_suppressed_with_its_reason_and_not_in_silence(ledger):
    publish(ledger, -400, {"zombie": {"score": 20, "arr": 2000.0}})
    publish(ledger, 0, {"zombie": {"score": 20, "arr": 2000.0}})
    publish(ledger, 1, {"zombie": {"score": 20, "arr": 2000.0}})
    run(ledger, 1)

    assert promised(ledger, "create_task") == []
    assert [row["payload"]["play"] for row in promised(ledger, "enroll", playbook="zombie_filter")] == [
        "digital_nurture"
    ]
    assert outcome(ledger, 1, "zombie", "critical_save")[0] == "suppressed"
    assert "ARR is 2,000" in episodes.all_of(ledger)[0].suppressed_reason


def test_expansion_is_proposed_once_per_renewal_and_again_for_the_next(ledger):
    def thriving(renewal):
        return {"score": 90, "reasons": [], "days_to_renewal": 50.0, "renewal_date": renewal}

    for number, renewal in ((1, "2026-12-20"), (2, "2026-12-20"), (3, "2027-12-20")):
        publish(ledger, number, {"acme": thriving(date.fromisoformat(renewal))})
        run(ledger, number)

    found = promised(ledger, "create_opportunity")
    assert [row["payload"]["amount"] for row in found] == [48_000.0, 48_000.0]
    assert [row["as_of"] for row in found] == [day(1), day(3)]
    assert found[0]["payload"]["approval"] == "required"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"notice_given": True}, "given notice"),
        ({"reasons": [{"code": "sponsor_left", "points": -3.0}]}, "sponsor_left"),
        ({"score": 80}, "not above 80"),
        ({"days_to_renewal": None}, "days to renewal is unknown"),
        ({"days_to_renewal": -3.0}, "not at least 0"),
    ],
)
def test_no_expansion_for_a_flight_risk_or_without_a_renewal_in_sight(ledger, columns, why):
    base = {"score": 90, "reasons": [], "days_to_renewal": 50.0}
    publish(ledger, 1, {"acme": base | columns})
    run(ledger, 1)

    assert promised(ledger, "create_opportunity") == []
    assert why in outcome(ledger, 1, "acme", "expansion_opportunity")[1]


def test_falling_use_below_50_enrols_in_the_activation_campaign_once_in_60_days(ledger):
    for number in (1, 30, 70):
        publish(ledger, number, {"acme": 45})
        run(ledger, number)

    enrolled = promised(ledger, "enroll", playbook="activation_campaign")
    assert [row["as_of"] for row in enrolled] == [day(1), day(70)]
    assert outcome(ledger, 30, "acme", "activation_campaign")[0] == "cooling_down"


def test_the_crm_fields_are_written_on_change_and_refreshed_weekly(ledger):
    for number in range(1, 11):
        publish(ledger, number, {"acme": 80 if number < 4 else 81})
        run(ledger, number)

    assert sorted(row["as_of"] for row in promised(ledger, "set_fields")) == [day(1), day(4)]
    publish(ledger, 11, {"acme": 81})
    run(ledger, 11)
    assert len(promised(ledger, "set_fields")) == 3


def test_a_healthy_account_is_checked_on_once_a_quarter(ledger):
    for number in range(1, 183, 7):
        publish(ledger, number, {"acme": {"score": 85, "reasons": []}})
        run(ledger, number, config(first_run_tasks=0) if number > 1 else None)

    assert len(promised(ledger, "create_task", playbook="healthy_checkin")) == 2


def test_an_account_without_people_falls_back_to_the_lead_and_says_so(ledger):
    publish(ledger, 1, {"acme": {"score": 20, "owner_email": None, "manager_email": None}})
    run(ledger, 1)

    owner = promised(ledger, "create_task")[0]["payload"]["owner"]
    assert owner["email"] == "cs-leads@example.com"
    assert owner["why"] == "fallback; no CSM manager or CSM known"


def test_an_account_that_vanishes_for_one_day_keeps_its_episode_and_after_two_it_left(ledger):
    tell(ledger, [61, 20])
    publish(ledger, 3, {"calm": 90})
    run(ledger, 3)
    assert episodes.all_of(ledger, "acme")[0].closed_as_of is None

    publish(ledger, 4, {"calm": 90})
    run(ledger, 4)
    assert episodes.all_of(ledger, "acme")[0].outcome == "left"


def test_an_account_that_gave_notice_or_is_too_new_gets_no_play(ledger):
    publish(
        ledger, 1, {"a": {"state": "notice_given", "score_shown": None}, "b": {"state": "not_scored_yet"}}
    )
    run(ledger, 1)

    assert {row["verb"] for row in admin.find(ledger)} == {"set_fields", "notify"}
    assert outcome(ledger, 1, "b", "score_fields") == ("no_match", "the account's state is not scored yet")


def test_a_restated_score_reopens_the_episode_that_the_same_day_had_closed(ledger):
    tell(ledger, [61, 20, 60, 60])
    assert episodes.all_of(ledger, "acme")[0].closed_as_of == day(4)

    publish(ledger, 4, {"acme": 20, "calm": 90})
    run(ledger, 4)

    (episode,) = episodes.all_of(ledger, "acme")
    assert (episode.closed_as_of, episode.outcome) == (None, None)


def test_a_paused_playbook_does_nothing_and_says_so(ledger):
    publish(ledger, 1, {"acme": 20})
    run(ledger, 1, config(paused=("critical_save",)))

    assert promised(ledger, "create_task") == []
    assert outcome(ledger, 1, "acme", "critical_save")[0] == "paused"
