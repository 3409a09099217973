"""From which value on something that happened is a headline fact: the section `facts` of the company file."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from customer_health.errors import suggest
from customer_health.sections import Section, wrong

Threshold = float | None


class FactThresholds(Section):
    """One number per headline fact; null switches that fact off.

    What each number is compared with, and which way, is declared in `signals/headline_facts.py`.
    """

    silent_account: Threshold = Field(1, description="no login and no ticket in 30 days: 1")
    never_used_after_days: Threshold = Field(
        30, ge=1, description="a customer for this long without a single login on record is silent, too"
    )
    asks_to_cancel: Threshold = Field(1, ge=1, description="messages that ask to cancel in 90 days, at least")
    sponsor_left: Threshold = Field(1, description="a sponsor or champion left within 6 months: 1")
    contract_modification: Threshold = Field(1, ge=1, description="requests within 180 days, at least")
    core_action_drop: Threshold = Field(
        0.20, gt=0, le=1, description="fall of the core action against the 30 days before, as a share"
    )
    core_action_sigmas: float = Field(
        2.0, ge=0, description="and by how many of its usual month-to-month deviations, at least; 0: any fall"
    )
    escalation: Threshold = Field(1, ge=1, description="escalations to management in 90 days, at least")
    negative_sentiment: Threshold = Field(
        0.20, ge=0, le=1, description="mood of the last 90 days' tickets, 0 angry to 1 happy, at most"
    )
    asks_for_export: Threshold = Field(1, ge=1, description="messages that ask for all data, at least")
    overdue_invoices: Threshold = Field(30, ge=0, description="days overdue, more than")
    no_exec_contact: Threshold = Field(90, ge=1, description="days without an active executive, at least")
    single_threaded: Threshold = Field(2, ge=1, description="known contacts, fewer than")
    arr_contraction: Threshold = Field(
        0.10, gt=0, le=1, description="fall of ARR within 12 months, as a share, at least"
    )
    organisation_from_seats: Threshold = Field(
        5,
        ge=1,
        description="single_threaded and no_exec_contact are said from so many seats on",
    )
    low_nps: Threshold = Field(6, ge=0, le=10, description="latest NPS of 6 months, at most")
    low_pulse: Threshold = Field(2, ge=1, le=5, description="the CSM's latest pulse of 90 days, at most")
    low_adoption: Threshold = Field(
        0.30, gt=0, le=1, description="share of the key features in use, below; and below half of the median"
    )
    unanswered_tickets: Threshold = Field(
        1, ge=1, description="tickets without a first answer for over 3 days, at least"
    )
    names_competitor: Threshold = Field(
        3, ge=1, description="messages that speak of competitors in 180 days, at least"
    )
    asks_for_discount: Threshold = Field(2, ge=1, description="messages that ask for a discount, at least")
    price_increase: Threshold = Field(1, description="announced within 180 days, the renewal still ahead: 1")
    late_ebr: Threshold = Field(1, ge=1, description="days by which the business review is overdue, at least")
    review_from: int | None = Field(
        4,
        ge=1,
        description="gravity (2 for a decisive fact of risk, 1 for another) that asks for a review "
        "whatever the score says; null: never",
    )
    common_share: float | None = Field(
        0.25,
        gt=0,
        le=1,
        description="a fact that a larger share of customers has is a finding about the company: it stays "
        "listed, and is nobody's headline unless it is graver than usual or has cost customers; null: never",
    )
    ceilings: Mapping[str, int] = Field(
        default_factory=lambda: {"silent_account": 49},
        description="headline fact -> highest score that an account with it can have",
    )
    lost_ceiling: int | None = Field(
        29,
        ge=0,
        le=100,
        description="highest score of an account with a fact after which more than half of this company's "
        "customers left, beyond chance (its track record); null: none",
    )

    @model_validator(mode="after")
    def _check(self) -> FactThresholds:
        known = set(type(self).model_fields) - {
            "ceilings",
            "never_used_after_days",
            "core_action_sigmas",
            "organisation_from_seats",
            "review_from",
            "common_share",
            "lost_ceiling",
        }
        for code, highest in self.ceilings.items():
            if code not in known:
                raise wrong(f"'{code}' is not a headline fact", "ceilings", code, hint=suggest(code, known))
            if not 0 <= highest <= 100:
                raise wrong(f"needs a score from 0 to 100, not {highest}", "ceilings", code)
        return self
