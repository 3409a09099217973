"""What a monitoring system should see of outbox and scores: numbers with names, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from customer_health.delivery import circuit_breaker
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox.admin import tally
from customer_health.ledger.outbox_queries import waiting_since

if TYPE_CHECKING:
    from customer_health.settings import Settings


@dataclass(frozen=True)
class Gauge:
    """One number at one moment.

    Attributes:
        name: `customer_health.<what>`; the destination and the state are part of it where there are any.
        value: In the unit that the name ends in, or a count.
    """

    name: str
    value: float


def gauges(settings: Settings, *, now: datetime) -> list[Gauge]:
    """Return the numbers of this moment.

    Scores: how many the newest day has, and how old its midnight is. Effects by destination and state. Per
    destination: how long the oldest effect that is due has waited, and whether the circuit breaker is open.
    """
    ledger = open_ledger(settings.ledger_url)
    found = list[Gauge]()
    latest = scores.latest_day(ledger)
    if latest is not None:
        run = scores.run_of(ledger, latest)
        midnight = datetime(latest.year, latest.month, latest.day, tzinfo=now.tzinfo)
        found += [
            Gauge("customer_health.scores.published", float(run["accounts"]) if run else 0.0),
            Gauge("customer_health.scores.age_hours", (now - midnight).total_seconds() / 3600),
        ]
    for destination, states in sorted(tally(ledger).items()):
        found += [
            Gauge(f"customer_health.effects.{destination}.{state}", count)
            for state, count in sorted(states.items())
        ]
    due = waiting_since(ledger, now)
    for destination in sorted(settings.config.destinations.model_dump()):
        waited = (now - due[destination]).total_seconds() if destination in due else 0.0
        breaker = circuit_breaker.read(ledger, destination, circuit_breaker.Breaker())
        found += [
            Gauge(f"customer_health.waiting.{destination}.oldest_seconds", waited),
            Gauge(f"customer_health.breaker.{destination}.open", float(breaker.open_at(now))),
        ]
    return found
