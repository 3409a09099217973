"""Commercial and calendar: what is at stake, and when is it decided?"""

from __future__ import annotations

from customer_health.signals.aggregations import ArrChange, Count, DaysUntilRenewal
from customer_health.signals.signal import Concept, Direction, Signal, days

SIGNALS = (
    Signal(
        name="days_to_renewal",
        table="contracts",
        aggregation=DaysUntilRenewal(),
        unit="days",
        direction=Direction.NEUTRAL,  # near is when it is decided, not in itself bad
        concept=Concept.CALENDAR,
        phrase="renewal in {value:.0f} days",
        reason_code="renewal_near",
        actionable=False,
    ),
    Signal(
        name="arr_change_12m",
        table="contracts",
        aggregation=ArrChange(),
        window=days(365),
        unit="currency/year",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        phrase="ARR changed by {value:+,.0f} in 12 months",
        reason_code="arr_contraction",
        actionable=False,
    ),
    Signal(
        name="arr_change_12m_rel",
        table="contracts",
        aggregation=ArrChange(relative=True),
        window=days(365),
        unit="share",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        phrase="ARR {value:+.0%} in 12 months",
        reason_code="arr_contraction",
        actionable=False,
    ),
    Signal(
        name="contract_modification_attempts_180d",
        table="contract_events",
        where={"kind": "modification_requested"},
        aggregation=Count(),
        window=days(180),
        unit="requests",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        when_absent=0,
        phrase="{value:.0f} requests to change the contract",
        reason_code="contract_modification",
        actionable=False,
    ),
)
