"""Fulfil what the outbox promised to one destination. May be killed anywhere, and run twice at once."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from customer_health.effects.destination import BusyError, Destination
from customer_health.errors import FatalError
from customer_health.ledger import outbox
from customer_health.ledger.crash_points import crash_point
from customer_health.ledger.outbox import Claim, Note

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
BATCH = 50


@dataclass(frozen=True)
class Policy:
    """Patience, in durations.

    Attributes:
        lease: How long a claimed row is the worker's.
        client_timeout: After this the client of any destination gives up; two of them must fit into
            the lease that is left, or nothing is sent.
        grace: How long after a call without outcome the remote may still be committing it. Longer
            than the client's time-out plus the remote's slowest commit.
        most_attempts: So many unknown outcomes in a row and a person decides.
        most_busy: So many refusals for lack of capacity in a row, and we come back another time.
    """

    lease: timedelta = timedelta(minutes=5)
    client_timeout: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=120)
    most_attempts: int = 8
    most_busy: int = 3


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
        refusals: Key and the remote's words, for the first few rejected rows.
    """

    destination: str
    delivered: int = 0
    found: int = 0
    busy: int = 0
    unknown: int = 0
    rejected: int = 0
    lost: int = 0
    refusals: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return {name: value for name, value in vars(self).items() if name != "refusals"}

    def lines(self) -> list[str]:
        """Sentences for people; nothing that went wrong is left out."""
        said = [f"{self.delivered + self.found} effects delivered to {self.destination}."]
        if self.found:
            said.append(f"{self.found} of them had landed before: found by their key, not sent again.")
        if self.busy:
            said.append(f"{self.busy} wait: the destination asked us to come back later.")
        if self.unknown:
            said.append(
                f"{self.unknown} have no known outcome; they are looked for before they are sent again."
            )
        if self.rejected:
            said.append(f"{self.rejected} were refused and wait for a person (resend them with a reason):")
            said += self.refusals
        if self.lost:
            said.append(f"{self.lost} were taken over by another worker.")
        return said


def deliver(
    engine: Engine,
    destination: Destination,
    *,
    now: Clock,
    limit: int = 100_000,
    policy: Policy | None = None,
    worker: str | None = None,
) -> DeliveryCounts:
    """Send every due effect of `destination`, at most `limit`.

    A destination whose `idempotent` attribute is true (the key is the remote's own unique id) is sent to
    again at once after an unknown outcome; every other is asked with `find` after a period of grace.

    Args:
        engine: The ledger.
        destination: Where to; its `name` selects the rows.
        now: The clock, zone-aware.
        limit: How many rows at most.
        policy: Patience.
        worker: Name for the diary; defaults to host, process and a random part.

    Returns:
        What became of them. Nothing about a single row is raised: it is recorded in its row.
    """
    rules = policy or Policy()
    name = worker or f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    courier = _Courier(engine, destination, now, rules, DeliveryCounts(destination.name))
    taken = 0
    while taken < limit and not courier.stopped:
        claims = outbox.claim(
            engine,
            destination.name,
            worker=name,
            now=now(),
            limit=min(BATCH, limit - taken),
            lease=rules.lease,
            grace=timedelta(0) if courier.idempotent else rules.grace,
        )
        if not claims:
            break
        taken += len(claims)
        crash_point("after_claim")
        # Where a repeat is harmless a whole batch shares its two commits; elsewhere each row has its own.
        size = len(claims) if courier.idempotent else 1
        for start in range(0, len(claims), size):
            courier.carry(claims[start : start + size])
    log.info("deliveries: %s", courier.counts.counts())
    return courier.counts


@dataclass
class _Courier:
    """Carries claims to the destination and their outcomes back."""

    engine: Engine
    destination: Destination
    now: Clock
    policy: Policy
    counts: DeliveryCounts
    busy_in_a_row: int = 0

    @property
    def idempotent(self) -> bool:
        return bool(getattr(self.destination, "idempotent", False))

    @property
    def stopped(self) -> bool:
        return self.busy_in_a_row >= self.policy.most_busy

    def carry(self, claims: Sequence[Claim]) -> None:
        """Look up what may have landed, announce the rest, send it, and write down every outcome."""
        outcomes: list[Note] = []
        announced: list[Note] = []
        for claim in claims:
            note = self._looked_up(claim) if claim.must_find and not self.stopped else None
            if note is None and not self.stopped:
                note = outbox.sending(claim, now=self.now(), needed=2 * self.policy.client_timeout)
            note = note or outbox.released(claim)
            (announced if note.event == "sending" else outcomes).append(note)
        ours = outbox.write(self.engine, announced, now=self.now()) if announced else []
        self.counts.lost += ours.count(False)
        for note, held in zip(announced, ours, strict=True):
            if held:
                outcomes.append(outbox.released(note.claim) if self.stopped else self._sent(note.claim))
        for note, held in zip(outcomes, outbox.write(self.engine, outcomes, now=self.now()), strict=True):
            self._count(note, held)
        crash_point("after_settle")

    def _looked_up(self, claim: Claim) -> Note | None:
        try:
            remote = self.destination.find(claim.effect)
        except Exception as error:
            # Not knowing whether it landed, we do not send: a second alarm is worse than a late one.
            return self._unknown(claim, f"could not look it up: {error}")
        return None if remote is None else outbox.delivered(claim, remote, now=self.now(), found=True)

    def _sent(self, claim: Claim) -> Note:
        crash_point("before_send")
        try:
            remote = self.destination.deliver(claim.effect)
        except BusyError as error:
            self.busy_in_a_row += 1
            again = self.now() + timedelta(seconds=max(error.retry_after, 1.0))
            return outbox.busy(claim, error.message, again=again)
        except FatalError as error:
            self.busy_in_a_row = 0
            return outbox.rejected(claim, error.message, error.hint or "Correct the cause, then resend it.")
        except Exception as error:
            # Time-outs and resets, and our own defects too: only `find` can tell what happened.
            self.busy_in_a_row = 0
            return self._unknown(claim, str(error) or type(error).__name__)
        self.busy_in_a_row = 0
        crash_point("after_send")
        return outbox.delivered(claim, remote, now=self.now())

    def _unknown(self, claim: Claim, words: str) -> Note:
        if claim.attempts + 1 >= self.policy.most_attempts:
            fix = "Look for it in the destination; resend it with a reason if it is not there."
            return outbox.rejected(claim, f"no outcome after {claim.attempts + 1} attempts: {words}", fix)
        wait = max(self.policy.grace, timedelta(seconds=15 * 2**claim.attempts))
        if self.idempotent and not claim.attempts:
            wait = timedelta(seconds=1)
        return outbox.unknown(claim, words, again=self.now() + wait)

    def _count(self, note: Note, held: bool) -> None:
        if not held:
            self.counts.lost += 1
        elif note.event != "released":
            setattr(self.counts, note.event, getattr(self.counts, note.event) + 1)
        if held and note.event == "rejected" and len(self.counts.refusals) < 5:
            key, fix = note.claim.effect.key, note.values["fix"]
            self.counts.refusals.append(f"{key}: {note.detail} -> {fix}")
