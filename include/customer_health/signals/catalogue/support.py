"""Support: do they get help when they ask?"""

from __future__ import annotations

from customer_health.signals.aggregations import Count, MeanDuration, OpenNow
from customer_health.signals.signal import Concept, Direction, Signal, days

SIGNALS = (
    Signal(
        name="open_critical_tickets",
        table="tickets",
        where={"priority": "critical"},
        aggregation=OpenNow(until=("resolved_at",)),
        unit="tickets",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SUPPORT,
        when_absent=0,  # no ticket is a fact, not a gap
        phrase="{value:.0f} critical tickets open",
        reason_code="critical_tickets",
    ),
    Signal(
        name="open_unanswered_tickets_3d",
        table="tickets",
        aggregation=OpenNow(until=("first_response_at", "resolved_at"), older_than=3),
        unit="tickets",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SUPPORT,
        when_absent=0,
        phrase="{value:.0f} tickets unanswered for over 3 days",
        reason_code="unanswered_tickets",
    ),
    Signal(
        name="avg_resolution_time_days",
        table="tickets",
        aggregation=MeanDuration(end="resolved_at"),
        window=days(90),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SUPPORT,
        phrase="tickets take {value:.1f} days to solve",
        reason_code="slow_support",
    ),
    Signal(
        name="tickets_90d",
        table="tickets",
        aggregation=Count(),
        window=days(90),
        unit="tickets",
        direction=Direction.NEUTRAL,  # ten frustrated tickets can be healthier than silence
        concept=Concept.SUPPORT,
        when_absent=0,
        phrase="{value:.0f} tickets in 90 days",
    ),
    Signal(
        name="escalations_90d",
        table="tickets",
        aggregation=Count(at="escalated_at"),
        window=days(90),
        unit="escalations",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SUPPORT,
        when_absent=0,
        phrase="{value:.0f} escalations in 90 days",
        reason_code="escalation",
    ),
)
