"""Relationship: who knows whom, and when did they last speak?"""

from __future__ import annotations

from customer_health.signals.aggregations import Count, DaysSince, Happened, OpenNow
from customer_health.signals.signal import Absent, Concept, Direction, FromConfig, Signal, days

SIGNALS = (
    Signal(
        name="sponsor_change_6m",
        table="departures",
        where={"role": ("champion", "sponsor")},
        aggregation=Happened(),
        window=days(182),
        unit="0/1",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=0,
        phrase="sponsor or champion left within 6 months",
        reason_code="sponsor_left",
    ),
    Signal(
        name="contacts_known",
        table="contact_book",
        aggregation=OpenNow(until=("left_at",)),
        unit="contacts",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=0,
        phrase="{value:.0f} contacts known",
        reason_code="single_threaded",
    ),
    Signal(
        name="days_since_last_interaction",
        table="interactions",
        where={"kind": FromConfig("people.meaningful_interactions")},
        aggregation=DaysSince(),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=Absent.SINCE_START,
        phrase="no real conversation for {value:.0f} days",
        reason_code="no_recent_contact",
    ),
    Signal(
        name="days_since_exec_activity",
        table="exec_activity",
        aggregation=DaysSince(),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=Absent.SINCE_START,
        phrase="no executive active for {value:.0f} days",
        reason_code="no_exec_contact",
    ),
    Signal(
        name="exec_activity_90d",
        table="exec_activity",
        aggregation=Count(),
        window=days(90),
        unit="executive-days",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=0,  # only where we would have recognised an executive: see docs
        phrase="executives active on {value:.0f} days of 90",
        reason_code="no_exec_contact",
        profiles=("full", "starter_5"),
    ),
    Signal(
        name="days_since_ebr",
        table="interactions",
        where={"kind": "ebr"},
        aggregation=DaysSince(),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.RELATIONSHIP,
        when_absent=Absent.SINCE_START,
        phrase="no business review for {value:.0f} days",
        reason_code="no_ebr",
    ),
)
