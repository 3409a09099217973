"""What may be said about a signal's value, and from which value on it is true.

A model can charge an account for any signal; a sentence about it is published only if its claim holds.
"Usage down 30%" needs a fall, whatever the model thought of it. Claims are keyed by reason code, or by
signal where signals that share a code need different words or limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from customer_health.signals.signal import Signal


@dataclass(frozen=True)
class Claim:
    """A statement with the values for which it is true.

    Attributes:
        code: Stable reason code that playbooks match.
        words: The fragment for the Why, at most six words. `{percent}`, `{count}` and `{decimal}` are
            filled with the rounded size of the value, `{s}` with a plural s.
        at_least: Smallest value for which it holds.
        at_most: Largest value for which it holds.
        against_median: It compares: the value must also lie on the claimed side of the portfolio's
            median, strictly.
    """

    code: str
    words: str
    at_least: float = -math.inf
    at_most: float = math.inf
    against_median: bool = False


def _falls(words: str, code: str = "usage_decline", least: float = 0.005) -> Claim:
    return Claim(code, words, at_most=-least)  # from half a percent on, so that no "down 0%" is printed


def _rises(words: str, code: str = "usage_growth", least: float = 0.005) -> Claim:
    return Claim(code, words, at_least=least)


def _only(words: str, code: str, most: float) -> Claim:
    return Claim(code, words, at_least=0, at_most=most)


def _from(words: str, code: str, least: float = 1, *, against_median: bool = False) -> Claim:
    return Claim(code, words, at_least=least, against_median=against_median)


def _than_most(words: str, code: str) -> Claim:
    return Claim(code, words, against_median=True)


RISKS: Mapping[str, Claim] = {
    "usage_trend_slope": _falls("usage trend falling", least=1e-9),
    "usage_trend_slope_norm": _falls("usage falling {percent} monthly"),
    "core_action_delta_30d": _falls("core usage down {percent}"),
    "usage_delta_28d": _falls("usage down {percent}"),
    "usage_vs_own_baseline_28d": _falls("usage {percent} below own normal"),
    "usage_decline": _falls("usage falling", least=1e-9),
    "days_since_last_usage": _from("no usage for {count} day{s}", "usage_decline", 7, against_median=True),
    "feature_adoption_score": _only("feature adoption only {percent}", "low_adoption", 0.5),
    "power_user_ratio": _than_most("power users only {percent}", "low_adoption"),
    "advanced_usage_share_30d": _than_most("advanced usage only {percent}", "low_adoption"),
    "active_users_per_seat_28d": _than_most("only {percent} seats active", "low_adoption"),
    "silent_account": _from("no login, no ticket", "silent_account"),
    "critical_tickets": _from("{count} critical ticket{s} open", "critical_tickets"),
    "unanswered_tickets": _from("{count} ticket{s} unanswered", "unanswered_tickets"),
    "slow_support": _from("tickets take {count} day{s}", "slow_support", against_median=True),
    "escalation": _from("{count} support escalation{s}", "escalation"),
    "support_sentiment_90d": _only("support sentiment negative", "negative_sentiment", 0.45),
    "call_sentiment_90d": _only("sentiment on calls negative", "negative_sentiment", 0.45),
    "negative_sentiment": _only("sentiment negative", "negative_sentiment", 0.45),
    "low_nps": _only("NPS only {count}", "low_nps", 6.4),  # 7 is a passive answer, not a detractor's
    "low_csat": _than_most("CSAT only {decimal}", "low_csat"),
    "overdue_days_max": _from("invoice {count} day{s} overdue", "late_payment"),
    "late_payment": _from("invoices {count} day{s} late", "late_payment"),
    "arr_change_12m_rel": _falls("ARR down {percent}", "arr_contraction"),
    "arr_contraction": _falls("ARR shrinking", "arr_contraction", least=1e-9),
    "contract_modification": _from("contract change requested", "contract_modification"),
    "sponsor_left": _from("sponsor or champion left", "sponsor_left"),
    "single_threaded": _only("only {count} contact{s} known", "single_threaded", 1),
    "no_recent_contact": _from("no contact for {count} days", "no_recent_contact", 30, against_median=True),
    "exec_activity_90d": _only("no exec active", "no_exec_contact", 0),
    "no_exec_contact": _from("no exec active for {count} days", "no_exec_contact", 90),
    "no_ebr": _from("no EBR for {count} days", "no_ebr", 120),
}

STRENGTHS: Mapping[str, Claim] = {
    "usage_trend_slope": _rises("usage trend rising", least=1e-9),
    "usage_trend_slope_norm": _rises("usage rising {percent} monthly"),
    "core_action_delta_30d": _rises("core usage up {percent}"),
    "usage_delta_28d": _rises("usage up {percent}"),
    "usage_vs_own_baseline_28d": _rises("usage {percent} above own normal"),
    "usage_decline": _rises("usage rising", least=1e-9),
    "days_since_last_usage": _only("usage this week", "recent_usage", 6),
    "feature_adoption_score": _from("feature adoption {percent}", "good_adoption", 0.5),
    "power_user_ratio": _than_most("{percent} power users", "good_adoption"),
    "advanced_usage_share_30d": _than_most("advanced usage {percent}", "good_adoption"),
    "active_users_per_seat_28d": _than_most("{percent} of seats active", "good_adoption"),
    "critical_tickets": _only("no critical tickets", "no_critical_tickets", 0),
    "unanswered_tickets": _only("no tickets unanswered", "tickets_answered", 0),
    "slow_support": _than_most("tickets solved faster than most", "fast_support"),
    "escalation": _only("no support escalations", "no_escalation", 0),
    "support_sentiment_90d": _from("support sentiment positive", "positive_sentiment", 0.55),
    "call_sentiment_90d": _from("sentiment on calls positive", "positive_sentiment", 0.55),
    "negative_sentiment": _from("sentiment positive", "positive_sentiment", 0.55),
    "low_nps": _from("NPS {count}", "high_nps", 8.5),
    "low_csat": _than_most("CSAT {decimal}", "high_csat"),
    "overdue_days_max": _only("no invoice overdue", "pays_on_time", 0),
    "late_payment": Claim("pays_on_time", "invoices paid on time", at_most=0.4),
    "arr_change_12m_rel": _rises("ARR up {percent}", "arr_expansion"),
    "arr_contraction": _rises("ARR growing", "arr_expansion", least=1e-9),
    "single_threaded": _from("{count} contacts known", "multi_threaded", 3),
    "no_recent_contact": _only("last contact {count} day{s} ago", "recent_contact", 29),
    "exec_activity_90d": _from("exec active", "exec_engaged"),
    "no_exec_contact": _only("exec active recently", "exec_engaged", 30),
    "no_ebr": _only("last EBR {count} day{s} ago", "recent_ebr", 90),
}
_INITIALS = frozenset({"arr", "csat", "ebr", "nps", "sla"})
# That none of these happened is no strength.
_NO_STRENGTH = frozenset({"silent_account", "sponsor_left", "contract_modification", "renewal_near"})


def _in_words(code: str) -> str:
    """Write a reason code as people do: late_ebr is a late EBR."""
    return " ".join(word.upper() if word in _INITIALS else word for word in code.split("_"))


def risk_claim(signal: Signal) -> Claim | None:
    """The claim a bad value of this signal makes; None if the signal has no reason code.

    A signal with a code that is unknown here is compared with the portfolio, in the code's own words.
    """
    if not signal.reason_code:
        return None
    stated = RISKS.get(signal.name) or RISKS.get(signal.reason_code)
    if stated is None:
        return Claim(signal.reason_code, _in_words(signal.reason_code), against_median=True)
    # Playbooks match the code that the catalogue declares.
    return replace(stated, code=signal.reason_code)


def strength_claim(signal: Signal) -> Claim | None:
    """The claim a good value of this signal makes; None if it makes none."""
    if not signal.reason_code or signal.reason_code in _NO_STRENGTH:
        return None
    stated = STRENGTHS.get(signal.name) or STRENGTHS.get(signal.reason_code)
    if stated is None:
        concept = str(signal.concept)
        return Claim(f"good_{concept}", f"{concept} better than most", against_median=True)
    return stated


def placeholders(signal_name: str, code: str) -> set[str]:
    """The placeholders with which statements about this signal are printed; empty if none is known."""
    words = " ".join(
        claim.words
        for table in (RISKS, STRENGTHS)
        for key, claim in table.items()
        if key == signal_name or (signal_name not in table and code in (key, claim.code))
    )
    return {name for name in ("percent", "count", "decimal") if "{" + name + "}" in words}


_ONE_OF_MANY = re.compile(
    r"(?<![\d.,])1 ((?:active|critical) )?(contact|day|escalation|request|ticket|user)s\b"
)


def singular(text: str) -> str:
    """Say one ticket where the count is 1: the catalogue's phrases are written in the plural."""
    return _ONE_OF_MANY.sub(r"1 \1\2", text) if "1 " in text else text


def renewal_words(days: float) -> str:
    """When the renewal is due, in at most four words."""
    count = rounded(days)
    if days < 0:
        return "renewal date has passed"
    return "renewal today" if count == "0" else singular(f"renewal in {count} days")


def rounded(value: float, digits: int = 0) -> str:
    """The size of a value as text, rounded half up, without its sign."""
    scale = 10**digits
    size = math.floor(abs(value) * scale + 0.5) / scale
    return f"{size:.{digits}f}"


def numbers_of(value: float) -> dict[str, str]:
    """Every way in which a value may be printed, by the name of its placeholder."""
    return {"percent": rounded(value * 100) + "%", "count": rounded(value), "decimal": rounded(value, 1)}


def fill(words: str, value: float) -> str:
    """Fill a fragment with the rounded value."""
    numbers: dict[str, Any] = numbers_of(value)
    return words.format(**numbers, s="" if numbers["count"] == "1" else "s")
