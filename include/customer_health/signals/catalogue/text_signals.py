"""What they write: comments in surveys, and what messages ask for. `read_texts` fills both."""

from __future__ import annotations

from customer_health.signals.aggregations import Count, Mean
from customer_health.signals.signal import Concept, Direction, Signal, days

SIGNALS = (
    Signal(
        name="survey_sentiment_180d",
        table="surveys",
        aggregation=Mean("sentiment"),
        window=days(180),
        unit="0-1",
        direction=Direction.HIGHER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        phrase="sentiment of survey comments {value:.2f} of 1",
        reason_code="negative_sentiment",
    ),
    Signal(
        name="competitor_mentions_180d",
        table="text_topics",
        where={"topic": "names_competitor"},
        aggregation=Count(),
        window=days(180),
        unit="messages",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.SENTIMENT,
        when_absent=0,
        phrase="{value:.0f} messages that speak of a competitor, in half a year",
        reason_code="names_competitor",
    ),
    Signal(
        name="discount_requests_180d",
        table="text_topics",
        where={"topic": "asks_for_discount"},
        aggregation=Count(),
        window=days(180),
        unit="messages",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        when_absent=0,
        phrase="{value:.0f} messages that ask for a discount, in half a year",
        reason_code="asks_for_discount",
    ),
    Signal(
        name="export_requests_90d",
        table="text_topics",
        where={"topic": "asks_for_export"},
        aggregation=Count(),
        window=days(90),
        unit="messages",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        when_absent=0,
        phrase="{value:.0f} messages that ask for all their data, in 90 days",
        reason_code="asks_for_export",
    ),
    Signal(
        name="asks_to_cancel_90d",
        table="text_topics",
        where={"topic": "asks_to_cancel"},
        aggregation=Count(),
        window=days(90),
        unit="messages",
        direction=Direction.LOWER_IS_HEALTHIER,
        concept=Concept.COMMERCIAL,
        when_absent=0,
        phrase="{value:.0f} messages that ask to cancel, in 90 days",
        outcome_adjacent=True,  # it all but is the loss: told to people, never to a model
    ),
)
