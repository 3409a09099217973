"""Headline facts: what happened at an account that nobody may overlook, whatever a model makes of it.

A model tells a reason only if it charges points for it, and it charges points only for what its history
taught it. A sponsor who left is news on the day it is known. Each fact is a rule on one signal with a
threshold in the company file; its code is the reason code of the same trouble. The list is in order of
gravity, worst first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from customer_health.signals.catalogue import CATALOGUE


class Compare(StrEnum):
    """How a signal is compared with the threshold."""

    AT_LEAST = "at least"
    ABOVE = "above"
    AT_MOST = "at most"
    BELOW = "below"
    FALLS_BY = "falls by at least"  # the signal is a change; the threshold is the size of the fall


@dataclass(frozen=True)
class NeverBegan:
    """A second way in which a fact holds: the thing it misses has never happened at all.

    It needs a source that delivers for others; an account whose telemetry never arrived is told in the
    same words, because somebody must look at it either way.

    Attributes:
        unknown: Signal that is unknown for this account, and known for another one.
        quiet: Signal that must be 0 or unknown.
        setting: Threshold for the days of being a customer.
        words: The fragment for the Why.
        phrase: The sentence; `{days}` is the tenure.
    """

    unknown: str
    quiet: str
    setting: str
    words: str
    phrase: str


@dataclass(frozen=True)
class HeadlineFact:
    """One headline fact. Pure data; `scoring/headlines.py` evaluates it.

    Attributes:
        code: Its code, which is also the name of its threshold in the section `facts` of the company file.
        title: How people call it.
        signal: The signal that proves it.
        compare: How.
        decisive: It comes before the model's own reasons in the Why.
        baseline: What the value is compared with, in words; `{limit}` is the threshold.
        words: The fragment for the Why where the signal's own does not fit.
        phrase: The sentence where the signal's own does not fit; may use `{value}`.
        beyond_chance: A signal that says by how many standard deviations it is more than chance, and the
            setting that says how many are needed. Where the profile leaves the signal out, nothing is asked.
        of_median: It holds only below this share of the median of the accounts of the day: where nobody uses
            more, little is usual.
        while_at_most: A signal and its highest value at which the fact still matters; unknown passes.
        in_organisations: It holds only of customers with `facts.organisation_from_seats` seats or more: of
            one person, no second one can be known. Unknown passes.
        never: See `NeverBegan`.
        risk: It speaks of risk, so nothing may be sold meanwhile; a review of ours that is late does not.
    """

    code: str
    title: str
    signal: str
    compare: Compare
    decisive: bool
    baseline: str
    words: str = ""
    phrase: str = ""
    beyond_chance: tuple[str, str] | None = None
    of_median: float | None = None
    while_at_most: tuple[str, float] | None = None
    in_organisations: bool = False
    never: NeverBegan | None = None
    risk: bool = True

    @property
    def concept(self) -> str:
        """The concept of its signal."""
        return str(CATALOGUE[self.signal].concept)

    @property
    def source(self) -> str:
        """The canonical table that the evidence comes from."""
        return CATALOGUE[self.signal].table


FACTS: tuple[HeadlineFact, ...] = (
    HeadlineFact(
        code="silent_account",
        title="Silent account",
        signal="silent_account",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="any login or ticket within 30 days",
        never=NeverBegan(
            unknown="days_since_last_usage",
            quiet="tickets_90d",
            setting="never_used_after_days",
            words="no login on record",
            phrase="No login and no ticket on record in {days} days as a customer",
        ),
    ),
    HeadlineFact(
        code="asks_to_cancel",
        title="Asked to cancel",
        signal="asks_to_cancel_90d",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="messages within the last 90 days",
        words="asked to cancel",
        phrase="{value:.0f} of their messages ask to cancel",
    ),
    HeadlineFact(
        code="sponsor_left",
        title="Sponsor or champion left",
        signal="sponsor_change_6m",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="within the last 6 months",
    ),
    HeadlineFact(
        code="contract_modification",
        title="Asked to change the contract",
        signal="contract_modification_attempts_180d",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="within the last 180 days",
    ),
    HeadlineFact(
        code="core_action_drop",
        title="Core action down",
        signal="core_action_delta_30d",
        compare=Compare.FALLS_BY,
        decisive=True,
        baseline="the account's own 30 days before, if that is more than it usually varies",
        beyond_chance=("core_action_fall_sd", "core_action_sigmas"),
    ),
    HeadlineFact(
        code="escalation",
        title="Escalated to management",
        signal="escalations_90d",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="within the last 90 days",
    ),
    HeadlineFact(
        code="negative_sentiment",
        title="Toxic support tickets",
        signal="support_sentiment_recent_90d",
        compare=Compare.AT_MOST,
        decisive=True,
        baseline="0 angry, 1 happy; {limit} or less, lately, is toxic",
        words="support sentiment toxic",
        phrase="Support tickets sound angry ({value:.2f} on a scale from 0 to 1)",
    ),
    HeadlineFact(
        code="asks_for_export",
        title="Asked for all their data",
        signal="export_requests_90d",
        compare=Compare.AT_LEAST,
        decisive=True,
        baseline="messages within the last 90 days",
        words="asked for all their data",
        phrase="{value:.0f} of their messages ask for all their data",
    ),
    HeadlineFact(
        code="overdue_invoices",
        title="Invoice overdue",
        signal="overdue_days_max",
        compare=Compare.ABOVE,
        decisive=True,
        baseline="the due date; it counts beyond {limit} days",
    ),
    HeadlineFact(
        code="no_exec_contact",
        title="No executive active",
        signal="days_since_exec_activity",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="an executive logs in or answers within {limit} days, at customers of more than a few seats",
        in_organisations=True,
    ),
    HeadlineFact(
        code="single_threaded",
        title="Single-threaded",
        signal="contacts_known",
        compare=Compare.BELOW,
        decisive=False,
        baseline="at least {limit} known contacts, at customers of more than a few seats",
        in_organisations=True,
    ),
    HeadlineFact(
        code="arr_contraction",
        title="Bought less",
        signal="arr_change_12m_rel",
        compare=Compare.FALLS_BY,
        decisive=False,  # it has been decided; what is left is decided at the renewal
        baseline="the ARR of 12 months before",
    ),
    HeadlineFact(
        code="low_nps",
        title="NPS detractor",
        signal="recent_nps",
        compare=Compare.AT_MOST,
        decisive=False,
        baseline="the latest answer of 6 months; {limit} or less is a detractor's",
    ),
    HeadlineFact(
        code="low_pulse",
        title="The CSM is worried",
        signal="csm_pulse",
        compare=Compare.AT_MOST,
        decisive=False,
        baseline="the CSM's latest pulse of 90 days, 1 to 5; {limit} or less is worry",
        words="CSM pulse only {count}",
    ),
    HeadlineFact(
        code="low_adoption",
        title="Hardly used",
        signal="feature_adoption_score",
        compare=Compare.BELOW,
        decisive=False,
        baseline="the key features of the plan; below {limit} of them, and below half of the median account",
        of_median=0.5,
    ),
    HeadlineFact(
        code="unanswered_tickets",
        title="Tickets without an answer",
        signal="open_unanswered_tickets_3d",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="a first answer within 3 days",
    ),
    HeadlineFact(
        code="names_competitor",
        title="Speaks of competitors",
        signal="competitor_mentions_180d",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="messages within the last 180 days",
        words="{count} messages name competitors",
        phrase="{value:.0f} of their messages speak of competitors or alternatives",
    ),
    HeadlineFact(
        code="asks_for_discount",
        title="Asked for a discount",
        signal="discount_requests_180d",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="messages within the last 180 days",
        words="asked for a discount",
        phrase="{value:.0f} of their messages ask for a discount",
    ),
    HeadlineFact(
        code="price_increase",
        title="Price increase ahead",
        signal="price_increase_180d",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="announced within 180 days, for a renewal that is still ahead",
        words="price increase ahead",
        phrase="A price increase is announced for the coming renewal",
        while_at_most=("days_to_renewal", 182),
    ),
    HeadlineFact(
        code="late_ebr",
        title="Business review overdue",
        signal="ebr_overdue_days",
        compare=Compare.AT_LEAST,
        decisive=False,
        baseline="a business review as often as the company file asks of the segment",
        risk=False,
    ),
)

FACT_CODES: frozenset[str] = frozenset(fact.code for fact in FACTS)
