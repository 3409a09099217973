"""What a customer's own words state, as the account page says it: topic, how sure, when and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from customer_health import wording

WORDS: Mapping[str, str] = {
    "missing_feature": "A feature is missing",
    "price": "The price",
    "reliability": "Reliability",
    "support": "Support",
    "champion_change": "A change of people",
    "competitor": "A competitor",
    "no_longer_needed": "No longer needed",
    "merger": "A merger or takeover",
    "asks_to_cancel": "Asks to cancel",
    "asks_for_export": "Asks for all the data",
    "asks_for_discount": "Asks for a discount",
    "names_competitor": "Names a competitor",
}
PLACES: Mapping[str | None, str] = {
    "ticket_messages": "ticket message",
    "surveys": "survey answer",
    "interactions": "call or meeting",
}


def stated(topics: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Return a line per topic: what is stated, intent or reason, how often, how sure, when last, where."""
    return [
        {
            "kind": "intent" if one["kind"] == "intent" else "reason",
            "text": WORDS.get(one["topic"], str(one["topic"]).replace("_", " ")),
            "texts": wording.plural(one["texts"], "text"),
            "confidence": wording.percent(one["confidence"]),
            "last": wording.day(one["last"]),
            "said_in": [
                f"{PLACES.get(place['table'], 'text')} {place['id']}, {wording.day(place['on'])}"
                for place in one["said_in"]
            ],
        }
        for one in topics or ()
    ]
