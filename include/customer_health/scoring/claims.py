"""What every signal may be made to say: as a risk, and as a strength.

Keyed by signal, or by reason code where all signals of the code share words and limits. A claim has at
most six words, so that two of them fit a Why; "only" always has an absolute limit, because half of the
portfolio lies below its median even when all of it is well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A statement with the values for which it is true.

    Attributes:
        code: Stable reason code that playbooks match.
        words: The fragment for the Why, at most six words. `{percent}`, `{count}`, `{decimal}` and
            `{money}` are filled with the rounded size of the value, `{s}` with a plural s.
        at_least: Smallest value for which it holds.
        at_most: Largest value for which it holds.
        against_median: It compares: the value must also lie on the claimed side of the portfolio's
            median, strictly.
        none: The fragment for exactly 0, where a number would read badly ("only 0 contacts").
    """

    code: str
    words: str
    at_least: float = -math.inf
    at_most: float = math.inf
    against_median: bool = False
    none: str = ""


# A change by less than a twentieth is none to a person, whatever the concept that it speaks for costs.
CHANGED = 0.05


def _falls(words: str, code: str = "usage_decline", least: float = CHANGED) -> Claim:
    return Claim(code, words, at_most=-least)


def _rises(words: str, code: str = "usage_growth", least: float = CHANGED) -> Claim:
    return Claim(code, words, at_least=least)


def _only(words: str, code: str, most: float, none: str = "") -> Claim:
    return Claim(code, words, at_least=0, at_most=most, none=none)


def _from(words: str, code: str, least: float = 1, *, against_median: bool = False) -> Claim:
    return Claim(code, words, at_least=least, against_median=against_median)


def _low(
    words: str, most: float = math.inf, none: str = "", code: str = "low_adoption", least: float = 0
) -> Claim:
    """Less than others have, and little enough to be called so."""
    return Claim(code, words, at_least=least, at_most=most, against_median=True, none=none)


def _high(words: str, least: float = -math.inf, code: str = "good_adoption") -> Claim:
    """More, or better, than others have."""
    return Claim(code, words, at_least=least, against_median=True)


RISKS: Mapping[str, Claim] = {
    # usage
    "usage_trend_slope": _falls("usage trend falling", least=1e-9),
    "usage_trend_slope_norm": _falls("usage falling {percent} monthly"),
    "core_action_delta_30d": _falls("core usage down {percent}"),
    "usage_delta_28d": _falls("usage down {percent}"),
    "usage_vs_own_baseline_28d": _falls("usage {percent} below its usual level"),
    "active_users_delta_7d": _falls("weekly users down {percent}"),
    "active_users_delta_28d": _falls("monthly users down {percent}"),
    "days_since_last_usage": _from("no usage for {count} day{s}", "usage_decline", 7, against_median=True),
    "feature_adoption_score": _only(
        "feature adoption only {percent}", "low_adoption", 0.5, "no key feature in use"
    ),
    "power_user_ratio": _low("power users only {percent}", 0.5, "no power users"),
    "advanced_usage_share_30d": _low("advanced usage only {percent}", 0.5, "no advanced feature in use"),
    "active_users_per_seat_28d": _low("only {percent} of seats active", 0.7, "no seat in use"),
    "active_users_per_seat_7d": _low("only {percent} of seats active weekly", 0.7, "no seat in use"),
    "daily_users_per_seat_28d": _low("only {percent} of seats active daily", 0.5, "no seat in use"),
    "stickiness_28d": _low("users come only {percent} of days", 0.5, least=0.005),
    "active_days_28d": _low("used only {count} day{s} a month", 15, "not used for a month"),
    "active_days_7d": _low("used only {count} day{s} a week", 3, "not used for a week"),
    "events_per_seat_28d": _low("usage per seat below most", none="no usage for a month"),
    "core_actions_per_seat_30d": _low("core actions per seat below most", none="no core action in a month"),
    "core_actions_per_user_30d": _low("core actions per user below most", none="no core action in a month"),
    "silent_account": _from("no login, no ticket", "silent_account"),
    "data_exports": _from("{count} bulk data export{s}", "data_exports", against_median=True),
    # support
    "critical_tickets": _from("{count} critical ticket{s} open", "critical_tickets"),
    "unanswered_tickets": _from("{count} ticket{s} unanswered", "unanswered_tickets"),
    "slow_support": _from("tickets take {count} day{s} to solve", "slow_support", against_median=True),
    "escalation": _from("{count} support escalation{s}", "escalation"),
    "slow_response": _from(
        "first answers take {count} working hour{s}", "slow_response", 4, against_median=True
    ),
    "critical_tickets_90d": _from("{count} critical ticket{s} in three months", "support_load"),
    "open_tickets": _from("{count} ticket{s} open", "support_load", 2, against_median=True),
    "stale_ticket": _from("a ticket open for {count} day{s}", "stale_ticket", 7, against_median=True),
    # sentiment
    "support_sentiment_90d": _only("support sentiment negative", "negative_sentiment", 0.45),
    "support_sentiment_recent_90d": _only("recent support sentiment negative", "negative_sentiment", 0.45),
    "call_sentiment_90d": _only("sentiment on calls negative", "negative_sentiment", 0.45),
    "survey_sentiment_180d": _only("survey comments negative", "negative_sentiment", 0.45),
    "names_competitor": _from("a competitor named in {count} message{s}", "names_competitor"),
    "asks_for_discount": _from("{count} request{s} for a discount", "asks_for_discount"),
    "asks_for_export": _from("{count} request{s} for all data", "asks_for_export"),
    "sentiment_falling": _falls("support sentiment falling", "sentiment_falling", 0.05),
    "low_nps": _only("NPS only {count}", "low_nps", 6.4),  # 7 is a passive answer, not a detractor's
    "low_csat": _low("CSAT only {decimal}", 4.0, code="low_csat", least=1),
    "no_feedback": _only("no NPS answer in a year", "no_feedback", 0),
    # relationship
    "sponsor_left": _from("sponsor or champion gone", "sponsor_left"),
    "low_pulse": Claim("low_pulse", "CSM pulse only {count}", at_least=1, at_most=2.4),
    "single_threaded": _only("only {count} contact{s} known", "single_threaded", 1, "no contact known"),
    "no_recent_contact": _from(
        "no conversation for {count} days", "no_recent_contact", 30, against_median=True
    ),
    "exec_activity_90d": _only("no exec active", "no_exec_contact", 0),
    "no_exec_contact": _from("no exec active for {count} days", "no_exec_contact", 90),
    "no_ebr": _from("no EBR for {count} days", "no_ebr", 120),
    "late_ebr": _from("EBR {count} day{s} late", "late_ebr"),
    "no_executive_known": _only("no exec known", "no_executive_known", 0),
    "few_voices": _low("only {count} contact{s} in touch", 2, "no contact has been in touch", "few_voices"),
    "little_contact": _low(
        "only {count} conversation{s} in three months", 3, "no conversation in three months", "little_contact"
    ),
    "contacts_left": _from("{count} known contact{s} left", "contacts_left"),
    # billing
    "overdue_days_max": _from("invoice {count} day{s} overdue", "late_payment"),
    "late_payment": _from("invoices paid {count} day{s} late", "late_payment"),
    "open_overdue_invoices": _from("{count} invoice{s} overdue", "overdue_invoices"),
    "overdue_amount": _from("{money} overdue", "overdue_invoices"),
    # commercial
    "arr_change_12m_rel": _falls("ARR down {percent}", "arr_contraction"),
    "arr_change_12m": _falls("ARR down {money}", "arr_contraction", 1),
    "contract_modification": _from("contract change requested", "contract_modification"),
    "revenue_drop": _falls("usage revenue down {percent}", "revenue_drop"),
    "seat_contraction": _falls("seats down {percent}", "seat_contraction"),
    "price_increase": _from("price increase announced", "price_increase"),
    "no_expansion": _only("no expansion in a year", "no_expansion", 0),
    "past_contraction": _from("contract reduced within a year", "past_contraction"),
}

STRENGTHS: Mapping[str, Claim] = {
    # usage
    "usage_trend_slope": _rises("usage trend rising", least=1e-9),
    "usage_trend_slope_norm": _rises("usage rising {percent} monthly"),
    "core_action_delta_30d": _rises("core usage up {percent}"),
    "usage_delta_28d": _rises("usage up {percent}"),
    "usage_vs_own_baseline_28d": _rises("usage {percent} above its usual level"),
    "active_users_delta_7d": _rises("weekly users up {percent}"),
    "active_users_delta_28d": _rises("monthly users up {percent}"),
    "days_since_last_usage": _only("usage this week", "recent_usage", 6),
    "feature_adoption_score": _from("feature adoption {percent}", "good_adoption", 0.5),
    "power_user_ratio": _high("{percent} power users"),
    "advanced_usage_share_30d": _high("advanced usage {percent}"),
    "active_users_per_seat_28d": _high("{percent} of seats active"),
    "active_users_per_seat_7d": _high("{percent} of seats active weekly"),
    "daily_users_per_seat_28d": _high("{percent} of seats active daily"),
    "stickiness_28d": _high("users come {percent} of days"),
    "active_days_28d": _high("used {count} days a month", 16),
    "active_days_7d": _high("used {count} days a week", 4),
    "events_per_seat_28d": _high("usage per seat above most"),
    "core_actions_per_seat_30d": _high("core actions per seat above most"),
    "core_actions_per_user_30d": _high("core actions per user above most"),
    # support
    "critical_tickets": _only("no critical tickets", "no_critical_tickets", 0),
    "unanswered_tickets": _only("no tickets unanswered", "tickets_answered", 0),
    "slow_support": _high("tickets solved faster than most", code="fast_support"),
    "escalation": _only("no support escalations", "no_escalation", 0),
    "slow_response": _high("tickets answered faster than most", code="fast_response"),
    "critical_tickets_90d": _only("no critical ticket in three months", "no_critical_tickets", 0),
    "open_tickets": _only("no ticket open", "no_open_tickets", 0),
    "stale_ticket": _only("no ticket open", "no_open_tickets", 0),
    # sentiment
    "support_sentiment_90d": _from("support sentiment positive", "positive_sentiment", 0.55),
    "support_sentiment_recent_90d": _from("recent support sentiment positive", "positive_sentiment", 0.55),
    "call_sentiment_90d": _from("sentiment on calls positive", "positive_sentiment", 0.55),
    "survey_sentiment_180d": _from("survey comments positive", "positive_sentiment", 0.55),
    "sentiment_falling": _rises("support sentiment improving", "sentiment_rising", 0.05),
    "low_nps": _from("NPS {count}", "high_nps", 8.5),
    "low_csat": _high("CSAT {decimal}", 4.0, "high_csat"),
    "no_feedback": _from("answers our NPS surveys", "gives_feedback"),
    # relationship
    "single_threaded": _from("{count} contacts known", "multi_threaded", 3),
    "low_pulse": _from("CSM pulse {count}", "high_pulse", 3.5),
    "no_recent_contact": _only("last conversation {count} day{s} ago", "recent_contact", 29),
    "exec_activity_90d": _from("exec active", "exec_engaged"),
    "no_exec_contact": _only("exec active recently", "exec_engaged", 30),
    "no_ebr": _only("last EBR {count} day{s} ago", "recent_ebr", 90),
    "late_ebr": _only("EBR on schedule", "ebr_on_schedule", 0),
    "no_executive_known": _from("{count} exec{s} known", "executives_known"),
    "few_voices": _high("{count} contacts in touch", 2, "many_voices"),
    "little_contact": _high("{count} conversations in three months", 2, "frequent_contact"),
    # billing
    "overdue_days_max": _only("no invoice overdue", "pays_on_time", 0),
    "late_payment": Claim("pays_on_time", "invoices paid on time", at_most=0.4),
    "overdue_invoices": _only("no invoice overdue", "pays_on_time", 0),
    # commercial
    "arr_change_12m_rel": _rises("ARR up {percent}", "arr_expansion"),
    "arr_change_12m": _rises("ARR up {money}", "arr_expansion", 1),
    "revenue_drop": _rises("usage revenue up {percent}", "revenue_growth"),
    "seat_contraction": _rises("seats up {percent}", "seat_expansion"),
    "no_expansion": _from("expanded within a year", "past_expansion"),
}

# That none of these happened is not a strength.
NO_STRENGTH = frozenset(
    {
        "silent_account",
        "sponsor_left",
        "contacts_left",
        "contract_modification",
        "names_competitor",
        "asks_for_discount",
        "asks_for_export",
        "data_exports",
        "past_contraction",
        "price_increase",
        "renewal_near",
    }
)
