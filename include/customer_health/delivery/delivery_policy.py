"""How patient delivery is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from customer_health.errors import ConfigurationError

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Policy:
    """Patience, in durations.

    Attributes:
        lease: How long a claimed row is the worker's.
        bulk_lease: The same for rows that travel as one job of thousands; the remote has ten minutes for it.
        client_timeout: After this the client of any destination gives up; two of them must fit into
            the lease that is left, or nothing is sent.
        grace: How long after a call without outcome the remote may still be committing it. Longer
            than the client's time-out plus the remote's slowest commit.
        most_attempts: So many unknown outcomes in a row and a person decides.
        most_busy: So many refusals for lack of capacity in a row, and we come back another time.
        breaker_threshold: So many calls in a row without an answer open the circuit breaker.
        breaker_cooldown: How long it then stays open, the first time.
    """

    lease: timedelta = timedelta(minutes=5)
    bulk_lease: timedelta = timedelta(minutes=15)
    client_timeout: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=120)
    most_attempts: int = 8
    most_busy: int = 3
    breaker_threshold: int = 5
    breaker_cooldown: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        """Refuse a lease in which no call fits: every row would be taken and put back for ever."""
        if self.lease <= 2 * self.client_timeout:
            raise ConfigurationError(
                f"A lease of {self.lease} leaves no room for a call of {self.client_timeout}.",
                hint="Make it longer than two client time-outs.",
            )


@dataclass
class DeliveryCounts:
    """What became of the rows that one call took.

    Attributes:
        destination: Whose rows.
        delivered: Landed by this call.
        found: Had landed already; nothing was sent.
        busy: The destination took nothing; they wait, no attempt counted.
        unknown: May have landed; looked for before anything is sent again.
        rejected: Refused for good; a person decides.
        lost: The lease was lost to another worker; nothing of it counts.
        superseded: Folded into a digest, or overtaken by newer values; not sent on their own.
        stopped: Why no further call is made for now; empty when all is well.
        remedy: What to do about that.
        needs_person: Whether waiting cannot fix what stopped it.
        resume_at: When the destination may be called again; None when nothing holds it up.
        refusals: Key and the remote's words, for the first few rejected rows.
    """

    destination: str
    delivered: int = 0
    found: int = 0
    busy: int = 0
    unknown: int = 0
    rejected: int = 0
    lost: int = 0
    superseded: int = 0
    stopped: str = ""
    remedy: str = ""
    needs_person: bool = False
    resume_at: datetime | None = None
    refusals: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return {"destination": self.destination, **numbers, "stopped": int(bool(self.stopped))}

    def add(self, other: DeliveryCounts) -> None:
        """Take the numbers of a later pass in; whether it stopped is what that pass says."""
        for name, value in vars(other).items():
            if isinstance(value, int) and not isinstance(value, bool):
                setattr(self, name, getattr(self, name) + value)
        self.stopped, self.needs_person, self.resume_at = other.stopped, other.needs_person, other.resume_at
        self.remedy = other.remedy
        self.refusals = (self.refusals + other.refusals)[:5]

    def lines(self) -> list[str]:
        """Sentences for people; nothing that went wrong is left out."""
        said = [f"{_effects(self.delivered + self.found)} delivered to {self.destination}."]
        if self.found:
            said.append(f"{self.found} of them had landed before: found by their key, not sent again.")
        if self.busy:
            said.append(f"{_effects(self.busy)} not taken now and tried again later.")
        if self.unknown:
            said.append(
                f"{self.unknown} have no known outcome; they are looked for before they are sent again."
            )
        if self.rejected:
            said.append(f"{_effects(self.rejected)} refused; correct the cause, then resend with a reason:")
            said += self.refusals
        if self.superseded:
            said.append(
                f"{self.superseded} were overtaken: newer values, or one digest for many late alerts."
            )
        if self.stopped:
            said.append(f"Stopped: {self.stopped} {self.remedy}".strip())
        if self.lost:
            said.append(f"{self.lost} were taken over by another worker.")
        return said


def _effects(count: int) -> str:
    return f"{count} effect was" if count == 1 else f"{count} effects were"
