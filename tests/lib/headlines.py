"""Headline facts as scoring stores them, for ledgers filled by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from customer_health.fact_thresholds import FactThresholds
from customer_health.scoring.headlines import headlines_of
from customer_health.signals.catalogue import CATALOGUE

_PROOF = {
    "silent_account": ("silent_account", 1.0),
    "asks_to_cancel": ("asks_to_cancel_90d", 1.0),
    "negative_sentiment": ("support_sentiment_recent_90d", 0.1),
    "asks_for_export": ("export_requests_90d", 1.0),
    "names_competitor": ("competitor_mentions_180d", 4.0),
    "asks_for_discount": ("discount_requests_180d", 2.0),
    "sponsor_left": ("sponsor_change_6m", 1.0),
    "contract_modification": ("contract_modification_attempts_180d", 1.0),
    "core_action_drop": ("core_action_delta_30d", -0.3),
    "escalation": ("escalations_90d", 1.0),
    "overdue_invoices": ("overdue_days_max", 45.0),
    "no_exec_contact": ("days_since_exec_activity", 120.0),
    "single_threaded": ("contacts_known", 1.0),
    "arr_contraction": ("arr_change_12m_rel", -0.28),
    "low_nps": ("recent_nps", 4.0),
    "low_pulse": ("csm_pulse", 2.0),
    "low_adoption": ("feature_adoption_score", 0.18),
    "unanswered_tickets": ("open_unanswered_tickets_3d", 2.0),
    "price_increase": ("price_increase_180d", 1.0),
    "late_ebr": ("ebr_overdue_days", 40.0),
}


def headlines(*codes: str, as_of: date = date(2026, 11, 1)) -> list[dict[str, Any]]:
    """Return these headline facts with an ordinary piece of evidence each, worst first."""
    usual = {"feature_adoption_score": 0.8}  # of others, whom little use is compared with
    row = pd.DataFrame([dict(map(_PROOF.__getitem__, codes)), usual, usual])
    return headlines_of(row, FactThresholds(), CATALOGUE, as_of=as_of)[0]
