"""What every signal means, by an example that a CSM can check by hand. As-of date: 1 March 2026."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.lib.world import World, moment

from customer_health.company import CompanyConfig
from customer_health.signals.catalogue import CATALOGUE, named

TODAY = "2026-03-01"


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World, name: str, account: str = "acme", as_of: str = TODAY) -> float | None:
    """The value of one signal, None for unknown."""
    value = world.signals(as_of, signals=named([name])).at[account, name]
    return None if value != value else float(value)


def ago(days: int) -> str:
    """So many days before the as-of date."""
    return (moment(TODAY) - timedelta(days=days)).date().isoformat()


# -- usage


def test_usage_trend_slope_is_users_gained_per_day(world: World) -> None:
    """One user a day for 45 days, then two: the line climbs by about a user in 60 days."""
    world.daily_usage("acme", first=ago(90), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(45), last=ago(1), user="ben")
    # slope of a step in the middle of n days: 3n / (2 (n^2 - 1))
    assert ask(world, "usage_trend_slope") == pytest.approx(3 * 90 / (2 * (90**2 - 1)))


def test_days_without_rows_count_as_nobody_active(world: World) -> None:
    """Missing days are no error and no gap: nobody came."""
    world.daily_usage("acme", first=ago(90), last=ago(46), user="ann")
    assert ask(world, "usage_trend_slope") == pytest.approx(-3 * 90 / (2 * (90**2 - 1)))


def test_a_new_customer_has_no_trend_before_two_weeks(world: World) -> None:
    world.daily_usage("acme", first=ago(10), last=ago(1))
    assert ask(world, "usage_trend_slope") is None


def test_a_late_start_is_not_a_rising_trend(world: World) -> None:
    """The 70 days before an account's first usage are not 70 days of nobody."""
    world.daily_usage("acme", first=ago(20), last=ago(1))
    assert ask(world, "usage_trend_slope") == pytest.approx(0)


def test_usage_trend_slope_norm_compares_small_and_large_accounts(world: World) -> None:
    for account, users in (("small", 1), ("large", 5)):
        for user in range(users):
            world.daily_usage(account, first=ago(90), last=ago(46), user=f"u{user}")
    signals = world.signals(TODAY)["usage_trend_slope_norm"]
    assert signals["small"] == pytest.approx(signals["large"])
    assert signals["small"] < -0.9


def test_core_action_delta_30d_is_the_change_against_the_30_days_before() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.daily_usage("acme", first=ago(60), last=ago(31), feature="export", events=10)
    world.daily_usage("acme", first=ago(30), last=ago(1), feature="export", events=8)
    world.daily_usage("acme", first=ago(30), last=ago(1), feature="login", events=500)  # no core action
    assert ask(world, "core_action_delta_30d") == pytest.approx(-0.2)


def test_core_actions_are_those_of_the_accounts_plan() -> None:
    lists = {"Pro": ["api"], "default": ["export"]}
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": lists}}))
    for account, plan in (("acme", "Pro"), ("zeta", "Basic")):
        world.contract(account, plan=plan)
        world.daily_usage(account, first=ago(60), last=ago(31), feature="api")
        world.daily_usage(account, first=ago(60), last=ago(1), feature="export")
    assert ask(world, "core_action_delta_30d", "acme") == -1
    assert ask(world, "core_action_delta_30d", "zeta") == 0


def test_usage_delta_28d_needs_telemetry_for_both_windows(world: World) -> None:
    world.daily_usage("acme", first=ago(56), last=ago(29), events=4)
    world.daily_usage("acme", first=ago(28), last=ago(1), events=3)
    world.daily_usage("young", first=ago(40), last=ago(1))
    signals = world.signals(TODAY)["usage_delta_28d"]
    assert signals["acme"] == pytest.approx(-0.25)
    assert signals.isna()["young"]


def test_feature_adoption_score_is_the_share_of_key_features_in_use() -> None:
    key = ["report", "api", "sso", "export"]
    world = World(CompanyConfig.model_validate({"usage": {"key_features": {"default": key}}}))
    world.usage("acme", occurred=ago(3), feature="report")
    world.usage("acme", occurred=ago(9), feature="api")
    world.usage("acme", occurred=ago(40), feature="sso")  # too long ago
    world.usage("acme", occurred=ago(3), feature="wiki")  # no key feature
    assert ask(world, "feature_adoption_score") == 0.5


def test_without_a_list_every_feature_seen_so_far_is_key(world: World) -> None:
    world.usage("acme", occurred=ago(3), feature="report")
    world.usage("zeta", occurred=ago(3), feature="api")
    world.usage("zeta", occurred="2026-03-04", feature="launched_later")
    assert ask(world, "feature_adoption_score") == 0.5
    assert ask(world, "feature_adoption_score", as_of="2026-03-05") == pytest.approx(1 / 3)


def test_power_user_ratio_counts_users_active_on_12_of_30_days_per_seat(world: World) -> None:
    world.contract("acme", seats=4)
    world.daily_usage("acme", first=ago(12), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(11), last=ago(1), user="ben")
    assert ask(world, "power_user_ratio") == 0.25


@pytest.mark.parametrize("seats", [0, None])
def test_an_account_without_seats_has_no_ratio(world: World, seats: float | None) -> None:
    """No division by zero: the ratio is unknown."""
    world.contract("acme", seats=seats)
    world.daily_usage("acme", first=ago(20), last=ago(1))
    assert ask(world, "power_user_ratio") is None
    assert ask(world, "active_users_per_seat_28d") is None


def test_advanced_usage_share_30d_is_depth_of_use() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"advanced_features": {"default": ["api"]}}}))
    world.usage("acme", occurred=ago(2), feature="api", events=1)
    world.usage("acme", occurred=ago(2), feature="report", events=3)
    assert ask(world, "advanced_usage_share_30d") == 0.25


def test_active_users_28d_counts_people_not_visits(world: World) -> None:
    for day in (1, 2, 28):
        world.usage("acme", occurred=ago(day), user="ann")
    world.usage("acme", occurred=ago(29), user="ben")  # a day too early
    assert ask(world, "active_users_28d") == 1


def test_active_users_per_seat_28d_is_seat_utilisation(world: World) -> None:
    world.contract("acme", seats=5)
    world.usage("acme", occurred=ago(2), user="ann")
    assert ask(world, "active_users_per_seat_28d") == 0.2


def test_a_source_that_knows_only_accounts_says_nothing_about_users(world: World) -> None:
    world.usage("acme", occurred=ago(2), user="")
    assert ask(world, "active_users_28d") is None
    assert ask(world, "days_since_last_usage") == 2


def test_days_since_last_usage_is_unknown_without_any_usage(world: World) -> None:
    world.usage("acme", occurred=ago(5))
    world.account("never")
    assert ask(world, "days_since_last_usage") == 5
    assert ask(world, "days_since_last_usage", "never") is None


def test_silent_account_has_neither_logins_nor_tickets(world: World) -> None:
    """Ten frustrated tickets are a better sign than silence."""
    for account in ("silent", "frustrated"):
        world.usage(account, occurred=ago(60))
    world.ticket("frustrated", occurred=ago(5))
    assert ask(world, "silent_account", "silent") == 1
    assert ask(world, "silent_account", "frustrated") == 0


def test_daily_users_28d_is_the_mean_of_the_days(world: World) -> None:
    """Ann comes every day, Ben on half of them: one and a half users on an average day."""
    world.contract("acme", seats=10)
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(14), last=ago(1), user="ben")
    assert ask(world, "daily_users_28d") == 1.5
    assert ask(world, "daily_users_per_seat_28d") == pytest.approx(0.15)


def test_days_before_the_first_usage_do_not_dilute_the_daily_users(world: World) -> None:
    world.daily_usage("acme", first=ago(7), last=ago(1))
    assert ask(world, "daily_users_28d") == 1


def test_stickiness_28d_is_daily_over_monthly_users(world: World) -> None:
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann")
    world.usage("acme", occurred=ago(2), user="ben")
    assert ask(world, "stickiness_28d") == pytest.approx(29 / 28 / 2)


def test_active_users_7d_is_the_weekly_level_and_per_seat(world: World) -> None:
    world.contract("acme", seats=4)
    world.usage("acme", occurred=ago(7), user="ann")
    world.usage("acme", occurred=ago(8), user="ben")
    assert ask(world, "active_users_7d") == 1
    assert ask(world, "active_users_per_seat_7d") == 0.25


def test_active_users_delta_7d_and_active_users_delta_28d_compare_people(world: World) -> None:
    for user in ("ann", "ben"):
        world.daily_usage("acme", first=ago(60), last=ago(29), user=user)
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann", events=500)
    assert ask(world, "active_users_delta_28d") == -0.5
    assert ask(world, "active_users_delta_7d") == 0


def test_active_days_28d_counts_days_with_anybody(world: World) -> None:
    for day in (1, 1, 5, 28, 29):
        world.usage("acme", occurred=ago(day), user="")
    assert ask(world, "active_days_28d") == 3


def test_core_actions_per_user_30d_is_how_much_each_gets_done() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.usage("acme", occurred=ago(2), user="ann", feature="export", events=6)
    world.usage("acme", occurred=ago(2), user="ben", feature="login", events=50)
    assert ask(world, "core_actions_per_user_30d") == 3


# Four that need no users: many product tools send account, day and a number, and nothing else.


def test_events_per_seat_28d_is_how_much_every_licence_is_worth(world: World) -> None:
    world.contract("acme", seats=20)
    world.contract("unlicensed", seats=None)
    for account in ("acme", "unlicensed"):
        world.daily_usage(account, first=ago(40), last=ago(1), user="", events=5)
    assert ask(world, "events_per_seat_28d") == 28 * 5 / 20
    assert ask(world, "events_per_seat_28d", "unlicensed") is None  # no seats: unknown, not zero


def test_events_per_seat_28d_is_zero_for_a_customer_who_stopped(world: World) -> None:
    world.contract("acme", seats=20)
    world.usage("acme", occurred=ago(60), user="")
    assert ask(world, "events_per_seat_28d") == 0


def test_core_actions_per_seat_30d_leaves_out_the_clicking_around() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.contract("acme", seats=4)
    world.usage("acme", occurred=ago(2), user="", feature="export", events=6)
    world.usage("acme", occurred=ago(2), user="", feature="login", events=50)
    assert ask(world, "core_actions_per_seat_30d") == 1.5


def test_usage_vs_own_baseline_28d_compares_an_account_with_its_own_half_year(world: World) -> None:
    """Ten a day for six months, seven a day for the last four weeks: 30 % below their usual."""
    for account, size in (("small", 1), ("large", 100)):
        world.daily_usage(account, first=ago(208), last=ago(29), user="", events=10 * size)
        world.daily_usage(account, first=ago(28), last=ago(1), user="", events=7 * size)
    assert ask(world, "usage_vs_own_baseline_28d", "small") == pytest.approx(-0.3)
    assert ask(world, "usage_vs_own_baseline_28d", "large") == pytest.approx(-0.3)


def test_a_slow_decline_still_shows_against_the_own_baseline(world: World) -> None:
    """Two bad months in a row look steady month on month; half a year remembers better."""
    world.daily_usage("acme", first=ago(208), last=ago(57), user="", events=10)
    world.daily_usage("acme", first=ago(56), last=ago(1), user="", events=5)
    assert ask(world, "usage_delta_28d") == 0
    assert ask(world, "usage_vs_own_baseline_28d") == pytest.approx(-0.46, abs=0.01)


def test_a_baseline_needs_eight_weeks_of_history(world: World) -> None:
    world.daily_usage("young", first=ago(83), last=ago(1), user="")
    world.daily_usage("old_enough", first=ago(84), last=ago(1), user="")
    assert ask(world, "usage_vs_own_baseline_28d", "young") is None
    assert ask(world, "usage_vs_own_baseline_28d", "old_enough") == 0


def test_active_days_7d_is_how_many_days_of_the_week_they_came(world: World) -> None:
    for day in (1, 1, 5, 7, 8):
        world.usage("acme", occurred=ago(day), user="")
    assert ask(world, "active_days_7d") == 3


def test_bulk_exports_30d_needs_a_list_of_export_features(world: World) -> None:
    """Customers who look around take their data with them; without a list we cannot tell."""
    listed = World(CompanyConfig.model_validate({"usage": {"export_features": {"default": ["dump"]}}}))
    for one in (world, listed):
        one.usage("acme", occurred=ago(2), feature="dump", events=7)
    assert ask(listed, "bulk_exports_30d") == 7
    assert ask(world, "bulk_exports_30d") is None


# -- support


def test_open_critical_tickets_are_open_until_solved(world: World) -> None:
    world.ticket("acme", occurred=ago(20), priority="critical")
    world.ticket("acme", occurred=ago(20), priority="critical", resolved_at=ago(2))
    world.ticket("acme", occurred=ago(20), priority="critical", resolved_at="2026-03-04")  # not yet solved
    world.ticket("acme", occurred=ago(20), priority="high")
    assert ask(world, "open_critical_tickets") == 2


def test_open_unanswered_tickets_3d_waited_longer_than_three_days(world: World) -> None:
    world.ticket("acme", occurred=ago(5))
    world.ticket("acme", occurred=ago(3))  # three days, not more
    world.ticket("acme", occurred=ago(9), first_response_at=ago(8))
    world.ticket("acme", occurred=ago(9), resolved_at=ago(8))  # solved without an answer on record
    assert ask(world, "open_unanswered_tickets_3d") == 1


def test_avg_resolution_time_days_covers_tickets_solved_in_90_days(world: World) -> None:
    world.ticket("acme", occurred=ago(10), resolved_at=ago(8))
    world.ticket("acme", occurred=ago(10), resolved_at=ago(4))
    world.ticket("acme", occurred=ago(10))
    assert ask(world, "avg_resolution_time_days") == 4


def test_tickets_90d_is_zero_when_nobody_asked_for_help(world: World) -> None:
    """No tickets is a fact, once there is a ticket system."""
    world.ticket("acme", occurred=ago(10))
    world.account("quiet")
    assert ask(world, "tickets_90d") == 1
    assert ask(world, "tickets_90d", "quiet") == 0


def test_a_company_without_a_ticket_system_has_unknown_tickets(world: World) -> None:
    world.account("acme")
    assert ask(world, "tickets_90d") is None
    assert ask(world, "open_critical_tickets") is None


def test_escalations_90d_count_from_the_day_of_the_escalation(world: World) -> None:
    world.ticket("acme", occurred=ago(200), escalated_at=ago(10))
    world.ticket("acme", occurred=ago(10), escalated_at="2026-03-02")
    assert ask(world, "escalations_90d") == 1


def test_first_response_hours_90d_does_not_count_nights_and_weekends(world: World) -> None:
    """Asked on Friday at 16:00, answered on Monday at 10:00: two working hours."""
    world.ticket("acme", occurred="2026-02-20 16:00", first_response_at="2026-02-23 10:00")
    assert ask(world, "first_response_hours_90d") == 2


def test_working_hours_follow_the_companys_clock_through_daylight_saving() -> None:
    """Berlin works 9-17; in July that is 7-15 UTC, in January 8-16 UTC."""
    hours = {"signals": {"business_hours": {"timezone": "Europe/Berlin"}}}
    world = World(CompanyConfig.model_validate(hours))
    world.ticket("summer", occurred="2025-07-01 06:00", first_response_at="2025-07-01 08:00")
    world.ticket("winter", occurred="2026-01-13 06:00", first_response_at="2026-01-13 08:30")
    assert ask(world, "first_response_hours_90d", "summer", "2025-08-01") == 1
    assert ask(world, "first_response_hours_90d", "winter", "2026-02-01") == 0.5


def test_critical_tickets_90d_and_open_tickets_measure_the_load(world: World) -> None:
    world.contract("acme", seats=10)
    world.ticket("acme", occurred=ago(50), priority="critical", resolved_at=ago(49))
    world.ticket("acme", occurred=ago(40))
    assert ask(world, "critical_tickets_90d") == 1
    assert ask(world, "open_tickets") == 1
    assert ask(world, "oldest_open_ticket_days") == 40
    assert ask(world, "tickets_per_seat_90d") == 0.2


# -- sentiment


def test_support_sentiment_90d_is_what_customers_wrote_not_we(world: World) -> None:
    world.message("acme", occurred=ago(3), sentiment=0.2)
    world.message("acme", occurred=ago(4), sentiment=0.4)
    world.message("acme", occurred=ago(4), sentiment=1.0, author="agent")
    world.message("acme", occurred=ago(4), sentiment=None)
    assert ask(world, "support_sentiment_90d") == pytest.approx(0.3)


def test_call_sentiment_90d_is_the_mood_of_calls(world: World) -> None:
    world.interaction("acme", kind="call", occurred=ago(3), sentiment=0.9)
    assert ask(world, "call_sentiment_90d") == 0.9


def test_an_nps_of_zero_is_a_score(world: World) -> None:
    """The angriest customer must not look like one who never answered."""
    world.nps("acme", score=9, occurred=ago(60))
    world.nps("acme", score=0, occurred=ago(30))
    world.account("never_answered")
    assert ask(world, "recent_nps") == 0
    assert ask(world, "recent_nps", "never_answered") is None


def test_recent_nps_expires_after_180_days(world: World) -> None:
    world.nps("acme", score=9, occurred=ago(181))
    assert ask(world, "recent_nps") is None
    assert ask(world, "nps_age_days") == 181


def test_nps_age_days_is_the_age_of_the_latest_answer(world: World) -> None:
    world.nps("acme", score=9, occurred=ago(50))
    world.nps("acme", score=2, occurred=ago(20))
    assert ask(world, "nps_age_days") == 20


def test_csat_180d_is_the_mean_of_half_a_year(world: World) -> None:
    world.csat("acme", score=5, occurred=ago(20))
    world.csat("acme", score=2, occurred=ago(120))
    world.nps("acme", score=10, occurred=ago(5))
    assert ask(world, "csat_180d") == 3.5


def test_support_sentiment_recent_90d_weighs_what_they_say_now(world: World) -> None:
    """A message of 30 days ago counts half of one of today; two messages are no mood."""
    world.message("acme", occurred=ago(60), sentiment=1.0)
    world.message("acme", occurred=ago(30), sentiment=0.5)
    assert ask(world, "support_sentiment_recent_90d") is None
    world.message("acme", occurred=ago(30), sentiment=0.0)
    assert ask(world, "support_sentiment_recent_90d") == pytest.approx((0.5 * 1 + 0.5 + 0) / 2.5)


def test_support_sentiment_change_90d_sees_the_mood_turn(world: World) -> None:
    for day in (10, 11, 12):
        world.message("acme", occurred=ago(day), sentiment=0.2)
        world.message("acme", occurred=ago(day + 90), sentiment=0.9)
    assert ask(world, "support_sentiment_change_90d") == pytest.approx(-0.7)


def test_nps_answered_365d_tells_silence_from_a_bad_answer(world: World) -> None:
    world.nps("angry", score=0, occurred=ago(300))
    world.account("silent")
    assert ask(world, "nps_answered_365d", "angry") == 1
    assert ask(world, "nps_answered_365d", "silent") == 0


# -- commercial and calendar


def test_days_to_renewal_counts_down_to_the_term_end(world: World) -> None:
    world.contract("acme", ends="2026-03-31")
    assert ask(world, "days_to_renewal") == 30


def test_an_evergreen_contract_has_no_renewal_and_is_not_less_covered(world: World) -> None:
    world.contract("acme", ends=None)
    row = world.signals(TODAY, signals=named(["days_to_renewal"])).loc["acme"]
    assert row["days_to_renewal"] != row["days_to_renewal"]
    assert row["coverage"] == 1


def test_auto_renewal_moves_the_date_by_a_term(world: World) -> None:
    world.contract("acme", starts="2025-01-01", ends="2026-01-01", auto_renew=True)
    assert ask(world, "days_to_renewal") == 306


def test_a_renewal_booked_late_is_overdue_and_then_lapsed(world: World) -> None:
    """Paperwork may take 30 days; after that the account is no customer."""
    world.contract("acme", ends="2026-02-20")
    assert ask(world, "days_to_renewal") == -9
    assert not world.signals("2026-04-01").at["acme", "is_customer"]


def test_of_several_contracts_the_nearest_renewal_counts_and_arr_adds_up(world: World) -> None:
    world.contract("acme", contract="c1", ends="2026-12-01", arr=1000)
    world.contract("acme", contract="c2", ends="2026-03-11", arr=500)
    row = world.signals(TODAY).loc["acme"]
    assert (row["days_to_renewal"], row["arr"]) == (10, 1500)


def test_arr_change_12m_compares_with_a_year_ago(world: World) -> None:
    world.contract("acme", arr=10000)
    world.contract("acme", occurred=ago(100), arr=8000)
    assert ask(world, "arr_change_12m") == -2000
    assert ask(world, "arr_change_12m_rel") == pytest.approx(-0.2)


def test_arr_change_12m_of_a_young_customer_starts_at_their_signature(world: World) -> None:
    world.contract("acme", occurred=ago(200), arr=10000)
    world.contract("acme", occurred=ago(100), arr=15000)
    assert ask(world, "arr_change_12m") == 5000


def test_contract_modification_attempts_180d_count_requests(world: World) -> None:
    world.contract_event("acme", kind="modification_requested", occurred=ago(9))
    world.contract_event("acme", kind="modification_requested", occurred=ago(200))
    world.contract_event("acme", kind="renewed", occurred=ago(9))
    assert ask(world, "contract_modification_attempts_180d") == 1


def test_days_to_notice_deadline_comes_before_the_renewal(world: World) -> None:
    world.contract("acme", ends="2026-06-29", notice_days=90)
    world.contract("zeta", ends="2026-06-29")
    assert ask(world, "days_to_notice_deadline") == 30
    assert ask(world, "days_to_notice_deadline", "zeta") is None


def test_term_days_and_auto_renew_share_describe_how_they_are_bound(world: World) -> None:
    world.contract("acme", contract="c1", starts="2026-02-10", ends="2026-03-10", auto_renew=True)
    world.contract("acme", contract="c2", starts="2025-06-01", ends="2026-06-01", auto_renew=False)
    assert ask(world, "term_days") == 28
    assert ask(world, "auto_renew_share") == 0.5


def test_seats_change_12m_rel_sees_a_contraction_at_equal_price(world: World) -> None:
    world.contract("acme", arr=10000, seats=100)
    world.contract("acme", occurred=ago(100), arr=10000, seats=80)
    assert ask(world, "seats_change_12m_rel") == pytest.approx(-0.2)


def test_price_increase_180d_expansions_365d_and_contractions_365d_are_counted(world: World) -> None:
    world.contract_event("acme", kind="price_increase_announced", occurred=ago(20))
    for kind in ("expanded", "upgraded", "contracted"):
        world.contract_event("acme", kind=kind, occurred=ago(200))
    assert ask(world, "price_increase_180d") == 1
    assert ask(world, "expansions_365d") == 2
    assert ask(world, "contractions_365d") == 1


# -- billing


def test_payment_delay_days_does_not_offset_late_by_early(world: World) -> None:
    world.invoice("acme", occurred=ago(90), due_at=ago(60), paid_at=ago(50))  # 10 days late
    world.invoice("acme", occurred=ago(90), due_at=ago(60), paid_at=ago(80))  # 20 days early
    assert ask(world, "payment_delay_days") == 5


def test_overdue_days_max_is_the_oldest_unpaid_invoice(world: World) -> None:
    world.invoice("acme", occurred=ago(90), due_at=ago(45))
    world.invoice("acme", occurred=ago(60), due_at=ago(30))
    world.invoice("acme", occurred=ago(90), due_at=ago(80), paid_at=ago(3))
    assert ask(world, "overdue_days_max") == 45


def test_open_overdue_invoices_and_overdue_amount_are_what_is_owed_now(world: World) -> None:
    world.invoice("acme", occurred=ago(60), due_at=ago(30), amount=100.0)
    world.invoice("acme", occurred=ago(20), due_at="2026-03-20", amount=100.0)  # not yet due
    world.invoice("acme", occurred=ago(60), due_at=ago(30), paid_at=ago(2), amount=100.0)
    assert ask(world, "open_overdue_invoices") == 1
    assert ask(world, "overdue_amount") == 100


def test_usage_revenue_90d_and_usage_revenue_delta_90d_follow_metered_invoices(world: World) -> None:
    world.invoice("acme", occurred=ago(20), kind="usage", amount=60.0)
    world.invoice("acme", occurred=ago(120), kind="usage", amount=100.0)
    world.invoice("acme", occurred=ago(20), kind="subscription", amount=5000.0)
    assert ask(world, "usage_revenue_90d") == 60
    assert ask(world, "usage_revenue_delta_90d") == pytest.approx(-0.4)


# -- relationship


def test_sponsor_change_6m_is_a_sponsor_or_champion_who_left(world: World) -> None:
    world.contact("acme", "bob", role="champion")
    world.contact("zeta", "eve", role="user")
    world.contact_change("acme", "bob", kind="left", occurred=ago(40))
    world.contact_change("zeta", "eve", kind="left", occurred=ago(40))
    assert ask(world, "sponsor_change_6m") == 1
    assert ask(world, "sponsor_change_6m", "zeta") == 0


def test_sponsor_change_6m_sees_a_champion_who_is_given_another_role(world: World) -> None:
    """He is still there and still known, and no longer speaks for us."""
    world.contact("acme", "bob", role="champion")
    world.contact_change("acme", "bob", kind="role_changed", role="user", occurred=ago(40))
    assert ask(world, "sponsor_change_6m") == 1
    assert ask(world, "contacts_known") == 1


def test_a_champion_who_becomes_the_sponsor_is_no_loss(world: World) -> None:
    world.contact("acme", "bob", role="champion")
    world.contact_change("acme", "bob", kind="role_changed", role="sponsor", occurred=ago(40))
    world.contact("acme", "ann", role="user")
    world.contact_change("acme", "ann", kind="role_changed", role="champion", occurred=ago(30))
    assert ask(world, "sponsor_change_6m") == 0
    world.contact_change("acme", "ann", kind="role_changed", role="other", occurred=ago(2))
    assert ask(world, "sponsor_change_6m") == 1


def test_contacts_known_forgets_those_who_left(world: World) -> None:
    for person in ("ann", "bob", "cy"):
        world.contact("acme", person)
    world.contact_change("acme", "bob", kind="left", occurred=ago(3))
    world.contact_change("acme", "cy", kind="left", occurred=ago(3), known="2026-03-09")
    assert ask(world, "contacts_known") == 2


def test_days_since_last_interaction_counts_real_conversations(world: World) -> None:
    world.interaction("acme", kind="call", occurred=ago(30))
    world.interaction("acme", kind="email_sent", occurred=ago(2))
    assert ask(world, "days_since_last_interaction") == 30


def test_a_customer_we_never_spoke_with_counts_from_their_start(world: World) -> None:
    """Never is not unknown: the silence has lasted as long as both the customer and the source exist."""
    world.interaction("zeta", kind="call", occurred=ago(300))
    world.contract("acme", occurred=ago(100))
    assert ask(world, "days_since_last_interaction") == 100


def test_days_since_ebr_counts_business_reviews_only(world: World) -> None:
    world.interaction("acme", kind="ebr", occurred=ago(100))
    world.interaction("acme", kind="call", occurred=ago(1))
    assert ask(world, "days_since_ebr") == 100


def test_exec_activity_90d_counts_days_on_which_an_executive_was_there(world: World) -> None:
    world.contact("acme", "bob", title="VP Operations", user_id="u-bob")
    world.contact("acme", "ann", title="Analyst", user_id="u-ann")
    world.usage("acme", occurred=ago(5), user="u-bob")
    world.interaction("acme", kind="email_reply", occurred=ago(10), person="bob")
    world.usage("acme", occurred=ago(5), user="u-ann")  # no executive
    world.interaction("acme", kind="email_sent", occurred=ago(9), person="bob")  # that was us
    assert ask(world, "exec_activity_90d") == 2
    assert ask(world, "days_since_exec_activity") == 5


def test_an_account_without_executives_is_unanchored_if_all_titles_are_known(world: World) -> None:
    world.contact("acme", "ann", title="Analyst")
    world.contact("zeta", "eve", title=None)
    assert ask(world, "exec_activity_90d") == 0
    assert ask(world, "exec_activity_90d", "zeta") is None  # she may be the CEO: unknown, not absent


# -- context and coverage


def test_a_churned_account_is_no_customer_until_it_comes_back(world: World) -> None:
    world.contract("acme", ends=None)
    world.outcome("acme", occurred=ago(50))
    assert not world.signals(TODAY).at["acme", "is_customer"]
    world.contract("acme", contract="second", occurred=ago(10))
    assert world.signals(TODAY).at["acme", "is_customer"]


def test_notice_counts_until_a_renewal_takes_it_back(world: World) -> None:
    world.contract_event("acme", kind="notice_given", occurred=ago(30))
    assert world.signals(TODAY).at["acme", "notice_given"]
    world.contract_event("acme", kind="renewed", occurred=ago(10))
    assert not world.signals(TODAY).at["acme", "notice_given"]


def test_facts_of_a_merged_account_belong_to_its_survivor(world: World) -> None:
    world.account("old", merged_into="acme")
    world.account("acme")
    world.ticket("old", occurred=ago(10))
    signals = world.signals(TODAY)
    assert list(signals.index) == ["acme"]
    assert signals.at["acme", "tickets_90d"] == 1


def test_coverage_is_the_share_of_signals_that_are_known(world: World) -> None:
    world.nps("acme", score=5, occurred=ago(3))
    signals = world.signals(TODAY, signals=named(["recent_nps", "csat_180d"]))
    assert signals.at["acme", "coverage"] == 0.5


def test_an_absurd_value_stays_with_its_own_account(world: World) -> None:
    world.message("poison", occurred=ago(3), sentiment=float("inf"))
    world.message("acme", occurred=ago(3), sentiment=0.5)
    assert ask(world, "support_sentiment_90d", "poison") is None
    assert ask(world, "support_sentiment_90d") == 0.5


def test_ebr_overdue_days_starts_when_the_next_review_was_due(world: World) -> None:
    world.interaction("acme", kind="ebr", occurred=ago(120))
    world.interaction("zeta", kind="ebr", occurred=ago(20))
    assert ask(world, "ebr_overdue_days") == 30
    assert ask(world, "ebr_overdue_days", "zeta") == 0


def test_executives_known_and_contacts_left_180d_follow_people(world: World) -> None:
    world.contact("acme", "ceo", title="CEO")
    world.contact("acme", "vp", title="VP Sales")
    world.contact("acme", "dev", title="Engineer")
    world.contact_change("acme", "vp", kind="left", occurred=ago(30))
    assert ask(world, "executives_known") == 1
    assert ask(world, "contacts_left_180d") == 1


def test_active_contacts_90d_counts_people_and_interactions_90d_conversations(world: World) -> None:
    for day in (5, 20):
        world.interaction("acme", kind="call", occurred=ago(day), person="ann")
    world.interaction("acme", kind="email_sent", occurred=ago(2), person="ben")
    assert ask(world, "active_contacts_90d") == 1
    assert ask(world, "interactions_90d") == 2


def test_every_signal_has_an_example_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in CATALOGUE if name not in text] == []
