"""What may be said about a signal's value, and from which value on it is true.

A model can charge an account for any signal; a sentence about it is published only if its claim holds.
"Usage down 30%" needs a fall, whatever the model thought of it. Claims are keyed by reason code, or by
signal where signals that share a code need different words or limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from customer_health.signals.signal import Signal


@dataclass(frozen=True)
class Claim:
    """A statement with the values for which it is true.

    Attributes:
        code: Stable reason code that playbooks match.
        words: The fragment for the Why, at most five words. `{percent}`, `{count}` and `{decimal}` are
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


RISKS: Mapping[str, Claim] = {
    "core_action_delta_30d": _falls("core usage down {percent}"),
    "usage_delta_28d": _falls("usage down {percent}"),
    "usage_trend_slope": _falls("usage trend falling", least=1e-9),
    "usage_trend_slope_norm": _falls("usage falling {percent} monthly"),
    "usage_decline": _falls("usage falling", least=1e-9),
    "low_adoption": Claim("low_adoption", "feature adoption only {percent}", at_most=0.5),
    "silent_account": Claim("silent_account", "no usage and no tickets", at_least=1),
    "critical_tickets": Claim("critical_tickets", "{count} critical ticket{s} open", at_least=1),
    "unanswered_tickets": Claim("unanswered_tickets", "{count} unanswered ticket{s}", at_least=1),
    "slow_support": Claim("slow_support", "tickets take {count} day{s}", at_least=1, against_median=True),
    "escalation": Claim("escalation", "{count} support escalation{s}", at_least=1),
    "negative_sentiment": Claim("negative_sentiment", "support sentiment negative", at_most=0.45),
    "low_nps": Claim("low_nps", "NPS only {count}", at_most=6.4999, at_least=0),
    "low_csat": Claim("low_csat", "CSAT only {decimal}", against_median=True),
    "late_payment": Claim("late_payment", "invoices {count} day{s} late", at_least=1),
    "arr_change_12m_rel": _falls("ARR down {percent}", "arr_contraction"),
    "arr_contraction": _falls("ARR shrinking", "arr_contraction", least=1e-9),
    "contract_modification": Claim("contract_modification", "contract change requested", at_least=1),
    "sponsor_left": Claim("sponsor_left", "exec sponsor departed", at_least=1),
    "single_threaded": Claim("single_threaded", "single-threaded: {count} contact{s}", at_most=1, at_least=0),
    "no_recent_contact": Claim(
        "no_recent_contact", "no contact for {count} days", at_least=30, against_median=True
    ),
    "exec_activity_90d": Claim("no_exec_contact", "no exec contact", at_most=0, at_least=0),
    "no_exec_contact": Claim("no_exec_contact", "no exec contact for {count} days", at_least=90),
    "no_ebr": Claim("no_ebr", "no EBR for {count} days", at_least=120),
}

STRENGTHS: Mapping[str, Claim] = {
    "core_action_delta_30d": _rises("core usage up {percent}"),
    "usage_delta_28d": _rises("usage up {percent}"),
    "usage_trend_slope": _rises("usage trend rising", least=1e-9),
    "usage_trend_slope_norm": _rises("usage rising {percent} monthly"),
    "usage_decline": _rises("usage rising", least=1e-9),
    "low_adoption": Claim("good_adoption", "feature adoption {percent}", at_least=0.5),
    "critical_tickets": Claim("no_critical_tickets", "no critical tickets", at_least=0, at_most=0),
    "unanswered_tickets": Claim("tickets_answered", "all tickets answered", at_least=0, at_most=0),
    "slow_support": Claim("fast_support", "tickets solved faster", at_least=0, against_median=True),
    "escalation": Claim("no_escalation", "no support escalations", at_least=0, at_most=0),
    "negative_sentiment": Claim("positive_sentiment", "support sentiment positive", at_least=0.55),
    "low_nps": Claim("high_nps", "NPS {count}", at_least=8.5),
    "low_csat": Claim("high_csat", "CSAT {decimal}", against_median=True),
    "late_payment": Claim("pays_on_time", "invoices paid on time", at_most=0),
    "arr_change_12m_rel": _rises("ARR up {percent}", "arr_expansion"),
    "arr_contraction": _rises("ARR growing", "arr_expansion", least=1e-9),
    "single_threaded": Claim("multi_threaded", "{count} contacts known", at_least=3),
    "no_recent_contact": Claim("recent_contact", "last contact {count} day{s} ago", at_least=0, at_most=29),
    "exec_activity_90d": Claim("exec_engaged", "exec engaged", at_least=1),
    "no_exec_contact": Claim("exec_engaged", "exec active recently", at_least=0, at_most=90),
    "no_ebr": Claim("recent_ebr", "last EBR {count} day{s} ago", at_least=0, at_most=90),
    # No strength follows from the mere absence of these.
    "silent_account": Claim("", "", at_least=math.inf),
    "sponsor_left": Claim("", "", at_least=math.inf),
    "contract_modification": Claim("", "", at_least=math.inf),
}


def risk_claim(signal: Signal) -> Claim | None:
    """The claim a bad value of this signal makes; None if the signal has no reason code.

    A signal with a code that is unknown here is compared with the portfolio, in the code's own words.
    """
    if not signal.reason_code:
        return None
    stated = RISKS.get(signal.name) or RISKS.get(signal.reason_code)
    if stated is None:
        return Claim(signal.reason_code, signal.reason_code.replace("_", " "), against_median=True)
    # Playbooks match the code that the catalogue declares.
    return replace(stated, code=signal.reason_code)


def strength_claim(signal: Signal) -> Claim | None:
    """The claim a good value of this signal makes; None if it makes none."""
    if not signal.reason_code:
        return None
    stated = STRENGTHS.get(signal.name) or STRENGTHS.get(signal.reason_code)
    if stated is None:
        concept = str(signal.concept)
        return Claim(f"good_{concept}", f"{concept} better than most", against_median=True)
    return stated if stated.code else None


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
