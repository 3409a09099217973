"""A circuit breaker per destination, read from the delivery log.

Its state needs no table of its own: the last attempts say how many calls in a row came to nothing, and
when. Every process sees the same log, so that a fresh task does not begin by hammering a dead remote.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from customer_health.ledger import delivery_log


@dataclass
class Breaker:
    """Closed while calls succeed, open after `threshold` failures in a row, half-open after a cooldown.

    Attributes:
        threshold: So many calls in a row without an answer open it.
        cooldown: How long it stays open the first time; doubles with every failure after that.
        longest: But no longer than this.
        streak: Calls in a row that failed until now.
        last: When the last of them failed.
    """

    threshold: int = 5
    cooldown: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(minutes=30)
    streak: int = 0
    last: datetime | None = None

    @property
    def opened_until(self) -> datetime | None:
        """When it lets a probe through; None while it is closed."""
        if self.last is None or self.streak < self.threshold:
            return None
        doublings = min(self.streak - self.threshold, 10)
        longer: timedelta = self.cooldown * 2**doublings
        return self.last + min(longer, self.longest)

    def open_at(self, now: datetime) -> bool:
        """Return whether no call may be made."""
        return self.opened_until is not None and now < self.opened_until

    def probing(self, now: datetime) -> bool:
        """Return whether exactly one call may be made, to see whether the remote is back."""
        return self.opened_until is not None and now >= self.opened_until

    def note(self, *, answered: bool, now: datetime) -> None:
        """Take a call into account; any answer, a refusal too, shows that somebody is there."""
        self.streak = 0 if answered else self.streak + 1
        self.last = None if answered else now


def read(engine: Engine, destination: str, breaker: Breaker) -> Breaker:
    """Set `breaker` to what the delivery log says about `destination`.

    Rows of one call share their instant, so that one failed batch counts once.
    """
    calls = delivery_log.recent_calls(engine, destination, breaker.threshold + 10)
    for at, any_answer in calls:
        if any_answer:
            break
        breaker.streak += 1
        breaker.last = breaker.last or at
    return breaker
