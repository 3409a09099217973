"""Billing: do they pay, and on time?"""

from __future__ import annotations

from customer_health.signals.aggregations import LongestOverdue, MeanDuration, OpenNow
from customer_health.signals.signal import Concept, Direction, Signal, days

SIGNALS = (
    Signal(
        name="payment_delay_days",
        table="invoices",
        aggregation=MeanDuration(start="due_at", end="paid_at", floor=0.0),
        window=days(365),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.BILLING,
        phrase="invoices are paid {value:.0f} days late",
        reason_code="late_payment",
        profiles=("full", "starter_5"),
    ),
    Signal(
        name="overdue_days_max",
        table="invoices",
        aggregation=LongestOverdue(due="due_at", until="paid_at", debt="amount"),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.BILLING,
        when_absent=0,
        phrase="an invoice is {value:.0f} days overdue",
        reason_code="late_payment",
    ),
    Signal(
        name="open_overdue_invoices",
        table="invoices",
        aggregation=OpenNow(begins="due_at", until=("paid_at",), debt="amount"),
        unit="invoices",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.BILLING,
        when_absent=0,
        phrase="{value:.0f} invoices overdue",
        reason_code="overdue_invoices",
    ),
    Signal(
        name="overdue_amount",
        table="invoices",
        aggregation=OpenNow(begins="due_at", until=("paid_at",), column="amount", debt="amount"),
        unit="currency",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.BILLING,
        when_absent=0,
        phrase="{value:,.0f} {currency} overdue",
        reason_code="overdue_invoices",
    ),
)
