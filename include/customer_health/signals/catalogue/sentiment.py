"""Sentiment: how do they speak about us?"""

from __future__ import annotations

from customer_health.signals.aggregations import DaysSince, Last, Mean
from customer_health.signals.signal import Concept, Direction, Signal, days

SIGNALS = (
    Signal(
        name="support_sentiment_90d",
        table="ticket_messages",
        where={"author": "customer"},
        aggregation=Mean("sentiment"),
        window=days(90),
        unit="0-1",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="support sentiment {value:.2f} of 1",
        reason_code="negative_sentiment",
        profiles=("full", "starter_5"),
    ),
    Signal(
        name="call_sentiment_90d",
        table="interactions",
        aggregation=Mean("sentiment"),
        window=days(90),
        unit="0-1",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="sentiment on calls {value:.2f} of 1",
        reason_code="negative_sentiment",
    ),
    Signal(
        name="recent_nps",
        table="surveys",
        where={"kind": "nps"},
        aggregation=Last("score"),
        window=days(180),
        unit="points",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="latest NPS {value:.0f}",  # 0 is an answer, and the angriest one
        reason_code="low_nps",
        profiles=("full", "starter_5"),
    ),
    Signal(
        name="nps_age_days",
        table="surveys",
        where={"kind": "nps"},
        aggregation=DaysSince(),
        unit="days",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="last NPS answer {value:.0f} days ago",
    ),
    Signal(
        name="csat_180d",
        table="surveys",
        where={"kind": "csat"},
        aggregation=Mean("score"),
        window=days(180),
        unit="points",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="CSAT {value:.1f} of 5",
        reason_code="low_csat",
    ),
)
