"""Every signal that was asked for, the declarations that answer it, and the example that explains each.

Read it as the list of what the score looks at. An example is a test of this folder, named by what it says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from customer_health.signals.catalogue import CATALOGUE


class Asked(NamedTuple):
    """One requirement.

    Attributes:
        says: What was asked for, in a sentence.
        signals: The signals that answer it.
        examples: Tests that show it with numbers to check by hand.
    """

    says: str
    signals: tuple[str, ...]
    examples: tuple[str, ...]


REQUIREMENTS = {
    "U1": Asked(
        "Daily, weekly and monthly users: their number, per seat, and where it is going",
        (
            "daily_users_28d", "active_users_7d", "active_users_28d", "daily_users_per_seat_28d",
            "active_users_per_seat_7d", "active_users_delta_7d", "active_users_delta_28d", "stickiness_28d",
        ),
        (
            "daily_users_28d_is_the_mean_of_the_days",
            "active_users_7d_is_the_weekly_level_and_per_seat",
            "active_users_28d_counts_people_not_visits",
            "active_users_delta_7d_and_active_users_delta_28d_compare_people",
            "stickiness_28d_is_daily_over_monthly_users",
        ),
    ),
    "U1, without users": Asked(
        "The same for companies whose tool sends account, day and a number",
        (
            "events_per_seat_28d", "usage_vs_own_baseline_28d", "active_days_28d", "active_days_7d",
            "days_since_last_usage",
        ),
        (
            "events_per_seat_28d_is_how_much_every_licence_is_worth",
            "usage_vs_own_baseline_28d_compares_an_account_with_its_own_half_year",
            "active_days_28d_counts_days_with_anybody",
            "active_days_7d_is_how_many_days_of_the_week_they_came",
            "a_source_that_knows_only_accounts_says_nothing_about_users",
        ),
    ),
    "U2": Asked(
        "Share of the plan's key features used in the last 30 days",
        ("feature_adoption_score",),
        ("feature_adoption_score_is_the_share_of_key_features_in_use",),
    ),
    "U3": Asked(
        "Advanced against basic features",
        ("advanced_usage_share_30d",),
        ("advanced_usage_share_30d_is_depth_of_use",),
    ),
    "U4": Asked(
        "Stagnation: a decline over the past four weeks",
        ("usage_delta_28d", "usage_vs_own_baseline_28d"),
        (
            "usage_delta_28d_needs_telemetry_for_both_windows",
            "a_slow_decline_still_shows_against_the_own_baseline",
        ),
    ),
    "U5": Asked(
        "Trend of daily users over 90 days, robust to missing days",
        ("usage_trend_slope", "usage_trend_slope_norm"),
        (
            "usage_trend_slope_is_users_gained_per_day",
            "days_without_rows_count_as_nobody_active",
            "usage_trend_slope_norm_compares_small_and_large_accounts",
        ),
    ),
    "U6": Asked(
        "Users of high frequency, per seat",
        ("power_user_ratio",),
        ("power_user_ratio_counts_users_active_on_12_of_30_days_per_seat",),
    ),
    "U7": Asked(
        "Core actions of the plan: change over 30 days; a drop of 20 % has a code of its own",
        (
            "core_action_delta_30d",
            "core_action_fall_sd",
            "core_actions_per_user_30d",
            "core_actions_per_seat_30d",
        ),
        (
            "core_action_delta_30d_is_the_change_against_the_30_days_before",
            "core_action_fall_sd_measures_a_fall_by_the_accounts_own_ups_and_downs",
            "core_actions_are_those_of_the_accounts_plan",
            "core_actions_per_user_30d_is_how_much_each_gets_done",
            "core_actions_per_seat_30d_leaves_out_the_clicking_around",
        ),
    ),
    "U8": Asked(
        "Seat utilisation",
        ("active_users_per_seat_28d",),
        (
            "active_users_per_seat_28d_is_seat_utilisation",
            "an_account_without_seats_has_no_ratio",
        ),
    ),
    "U9": Asked(
        "Usage-based revenue: level and drop",
        ("usage_revenue_90d", "usage_revenue_delta_90d"),
        ("usage_revenue_90d_and_usage_revenue_delta_90d_follow_metered_invoices",),
    ),
    "Silent evaluation": Asked(
        "Bulk exports: the only trace of a customer who quietly looks elsewhere",
        ("bulk_exports_30d",),
        ("bulk_exports_30d_needs_a_list_of_export_features",),
    ),
    "B1": Asked(
        "Open tickets without a first response for more than three days",
        ("open_unanswered_tickets_3d", "first_response_hours_90d"),
        (
            "open_unanswered_tickets_3d_waited_longer_than_three_days",
            "first_response_hours_90d_does_not_count_nights_and_weekends",
        ),
    ),
    "B2": Asked(
        "Open critical tickets",
        ("open_critical_tickets", "critical_tickets_90d", "open_tickets", "oldest_open_ticket_days"),
        (
            "open_critical_tickets_are_open_until_solved",
            "critical_tickets_90d_and_open_tickets_measure_the_load",
        ),
    ),
    "B3": Asked(
        "Average resolution time in days",
        ("avg_resolution_time_days",),
        ("avg_resolution_time_days_covers_tickets_solved_in_90_days",),
    ),
    "B4": Asked(
        "NPS: the latest, its age, within six months; never answered is unknown, and 0 is a score",
        ("recent_nps", "nps_age_days", "nps_answered_365d"),
        (
            "an_nps_of_zero_is_a_score",
            "recent_nps_expires_after_180_days",
            "nps_age_days_is_the_age_of_the_latest_answer",
            "nps_answered_365d_tells_silence_from_a_bad_answer",
        ),
    ),
    "B5": Asked("CSAT over six months", ("csat_180d",), ("csat_180d_is_the_mean_of_half_a_year",)),
    "B6": Asked(
        "Business reviews: days since the last, and overdue by",
        ("days_since_ebr", "ebr_overdue_days"),
        (
            "days_since_ebr_counts_business_reviews_only",
            "ebr_overdue_days_starts_when_the_next_review_was_due",
        ),
    ),
    "B7": Asked(
        "Escalations to management",
        ("escalations_90d",),
        ("escalations_90d_count_from_the_day_of_the_escalation",),
    ),
    "B8": Asked(
        "Sentiment of tickets and calls, 0 to 1, and where it is going",
        (
            "support_sentiment_90d", "support_sentiment_recent_90d", "support_sentiment_change_90d",
            "call_sentiment_90d", "survey_sentiment_180d", "competitor_mentions_180d",
            "discount_requests_180d", "export_requests_90d", "asks_to_cancel_90d",
        ),
        (
            "support_sentiment_90d_is_what_customers_wrote_not_we",
            "support_sentiment_recent_90d_weighs_what_they_say_now",
            "support_sentiment_change_90d_sees_the_mood_turn",
            "call_sentiment_90d_is_the_mood_of_calls",
            "survey_sentiment_180d_is_the_mood_of_comments",
            "competitor_mentions_180d_and_discount_requests_180d_count_what_messages_say",
            "export_requests_90d_and_asks_to_cancel_90d_count_what_they_want",
        ),
    ),
    "B9": Asked(
        "Silence is worse than frustrated tickets",
        ("silent_account", "tickets_90d", "tickets_per_seat_90d"),
        (
            "silent_account_has_neither_logins_nor_tickets",
            "tickets_90d_is_zero_when_nobody_asked_for_help",
            "critical_tickets_90d_and_open_tickets_measure_the_load",
        ),
    ),
    "C1": Asked(
        "Days to renewal: evergreen, renewing by itself, notice date, overdue, several contracts",
        ("days_to_renewal", "days_to_notice_deadline", "term_days", "auto_renew_share"),
        (
            "days_to_renewal_counts_down_to_the_term_end",
            "an_evergreen_contract_has_no_renewal_and_is_not_less_covered",
            "auto_renewal_moves_the_date_by_a_term",
            "a_renewal_booked_late_is_overdue_and_then_lapsed",
            "of_several_contracts_the_nearest_renewal_counts_and_arr_adds_up",
            "days_to_notice_deadline_comes_before_the_renewal",
            "term_days_and_auto_renew_share_describe_how_they_are_bound",
        ),
    ),
    "C2": Asked(
        "Expansion or contraction over twelve months, in ARR and in seats",
        (
            "arr_change_12m", "arr_change_12m_rel", "seats_change_12m_rel", "expansions_365d",
            "contractions_365d",
        ),
        (
            "arr_change_12m_compares_with_a_year_ago",
            "arr_change_12m_of_a_young_customer_starts_at_their_signature",
            "seats_change_12m_rel_sees_a_contraction_at_equal_price",
            "price_increase_180d_expansions_365d_and_contractions_365d_are_counted",
        ),
    ),
    "C3": Asked(
        "Invoices: average delay, and what is overdue now",
        ("payment_delay_days", "overdue_days_max", "open_overdue_invoices", "overdue_amount"),
        (
            "payment_delay_days_does_not_offset_late_by_early",
            "overdue_days_max_is_the_oldest_unpaid_invoice",
            "open_overdue_invoices_and_overdue_amount_are_what_is_owed_now",
        ),
    ),
    "C4": Asked(
        "Attempts to change the contract, and price increases announced to them",
        ("contract_modification_attempts_180d", "price_increase_180d"),
        (
            "contract_modification_attempts_180d_count_requests",
            "price_increase_180d_expansions_365d_and_contractions_365d_are_counted",
        ),
    ),
    "D1": Asked(
        "Sponsor or champion changed or left within six months",
        ("sponsor_change_6m", "contacts_left_180d"),
        (
            "sponsor_change_6m_is_a_sponsor_or_champion_who_left",
            "sponsor_change_6m_sees_a_champion_who_is_given_another_role",
            "a_champion_who_becomes_the_sponsor_is_no_loss",
            "executives_known_and_contacts_left_180d_follow_people",
        ),
    ),
    "D1, as a CSM feels it": Asked(
        "How the CSM feels about the customer, as an input of the model beside a field of its own",
        ("csm_pulse",),
        (
            "csm_pulse_is_the_newest_of_ninety_days_and_unknown_without_one",
            "a_pulse_that_was_written_down_later_does_not_count_before",
        ),
    ),
    "D2": Asked(
        "Contacts known; fewer than two is single-threaded",
        ("contacts_known", "active_contacts_90d"),
        (
            "contacts_known_forgets_those_who_left",
            "active_contacts_90d_counts_people_and_interactions_90d_conversations",
        ),
    ),
    "D3": Asked(
        "Days since the last meaningful interaction; what is meaningful is a setting",
        ("days_since_last_interaction", "interactions_90d"),
        (
            "days_since_last_interaction_counts_real_conversations",
            "a_customer_we_never_spoke_with_counts_from_their_start",
            "active_contacts_90d_counts_people_and_interactions_90d_conversations",
        ),
    ),
    "D4, D5": Asked(
        "Executives: active in 90 days by login, reply, call or meeting; an unknown title is unknown",
        ("exec_activity_90d", "days_since_exec_activity", "executives_known"),
        (
            "exec_activity_90d_counts_days_on_which_an_executive_was_there",
            "an_account_without_executives_is_unanchored_if_all_titles_are_known",
            "executives_known_and_contacts_left_180d_follow_people",
        ),
    ),
}  # fmt: skip

SPECS = {
    name: body
    for file in sorted(Path(__file__).parent.glob("test_signals_*.py"))
    if file.name != Path(__file__).name
    for name, body in re.findall(
        r"^def test_(\w+)\(.*?\n(.*?)(?=^def |^@|\Z)", file.read_text(encoding="utf-8"), re.M | re.S
    )
}


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_what_was_asked_for_is_declared_and_explained(number: str) -> None:
    asked = REQUIREMENTS[number]
    assert [name for name in asked.signals if name not in CATALOGUE] == []
    assert [name for name in asked.examples if name not in SPECS] == []
    told = " ".join(f"{name} {SPECS[name]}" for name in asked.examples)
    assert [name for name in asked.signals if name not in told] == [], "no example asks for them"


def test_nothing_of_the_two_documents_is_missing() -> None:
    found = {number for key in REQUIREMENTS for number in re.findall(r"[UBCD]\d", key)}
    numbered = {"U": 9, "B": 9, "C": 4, "D": 5}
    assert found == {f"{letter}{n}" for letter, most in numbered.items() for n in range(1, most + 1)}


def test_every_signal_was_asked_for_by_somebody() -> None:
    """Signal noise is a pitfall of its own: a new signal says here which question it answers."""
    assert sorted(set(CATALOGUE) - {name for asked in REQUIREMENTS.values() for name in asked.signals}) == []
