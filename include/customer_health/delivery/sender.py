"""Carries claimed effects to their destination and the outcomes back into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from customer_health.delivery.batching import (
    BatchDestination,
    BulkDestination,
    Discerning,
    Outcome,
    groups,
    repeatable,
)
from customer_health.delivery.call_guard import sending_until
from customer_health.delivery.circuit_breaker import Breaker
from customer_health.delivery.delivery_policy import Clock, DeliveryCounts, Policy
from customer_health.delivery.http_faults import CannotTellError, DestinationUnavailableError
from customer_health.effects.destination import BusyError, Destination, RateLimitedError
from customer_health.effects.effect import Effect
from customer_health.errors import FatalError, RetriableError
from customer_health.ledger import delivery_log
from customer_health.ledger.crash_points import crash_point
from customer_health.ledger.outbox import transitions
from customer_health.ledger.outbox.transitions import Claim, Transition

Together = Callable[[Sequence[Effect]], Sequence[Outcome]]


@dataclass
class Sender:
    """Announces, sends and writes down, for one destination and one run.

    Attributes:
        engine: The ledger.
        destination: Where to.
        now: The clock.
        policy: Patience.
        counts: Filled as it goes.
        breaker: Fed with the outcome of every call.
        busy_in_a_row: Calls in a row that the destination had no capacity for.
    """

    engine: Engine
    destination: Destination
    now: Clock
    policy: Policy
    counts: DeliveryCounts
    breaker: Breaker
    busy_in_a_row: int = 0

    @property
    def idempotent(self) -> bool:
        """Whether a repeat is harmless whatever the effect."""
        return bool(getattr(self.destination, "idempotent", False))

    @property
    def stopped(self) -> bool:
        """Whether no further call is to be made in this run."""
        if self.breaker.open_at(self.now()) and not self.counts.stopped:
            self.counts.resume_at = self.breaker.opened_until
            self.counts.stopped = (
                f"{self.breaker.streak} calls in a row had no answer; the next attempt is made at "
                f"{self.breaker.opened_until:%H:%M:%S} UTC."
            )
        return bool(self.counts.stopped) or self.busy_in_a_row >= self.policy.most_busy

    def may_call(self) -> bool:
        """Whether a call may be made now, as far as this run, or any other process, was told."""
        if self.stopped:
            return False
        if getattr(self.destination, "local", False):
            return True
        until = delivery_log.limited_until(self.engine, self.destination.name, self.now())
        if until is not None:
            self.counts.resume_at = until
        return until is None

    def send_batch(self, claims: Sequence[Claim]) -> None:
        """Bring every claim to an outcome, in as few calls as is safe."""
        try:
            together = groups(self.destination, [claim.effect for claim in claims])
        except (DestinationUnavailableError, RateLimitedError) as error:
            self._learn([error])
            self._write_down([self._busy(claim, error) for claim in claims])
            return
        for places in together:
            self._carry([claims[place] for place in places])

    def carry_in_bulk(self, claims: Sequence[Claim], destination: BulkDestination) -> None:
        """Bring every claim to an outcome in one job."""
        self._carry(claims, destination.deliver_bulk)

    def _carry(self, claims: Sequence[Claim], together: Together | None = None) -> None:
        """Look up what may have landed, announce the rest, send it, and write down every outcome."""
        outcomes: list[Transition] = []
        announced: list[tuple[Claim, Transition]] = []
        free = self.may_call()
        for claim in claims:
            free = free and not self.stopped
            step = self._looked_up(claim) if claim.must_find and free else None
            if step is None and free and not self.stopped:
                step = transitions.sending(claim, now=self.now(), needed=2 * self.policy.client_timeout)
                if step is not None:
                    announced.append((claim, step))
                    continue
            outcomes.append(step or transitions.released(claim))
        ours = transitions.write(self.engine, [step for _, step in announced], now=self.now())
        self.counts.lost += ours.count(False)
        held = [claim for (claim, _), mine in zip(announced, ours, strict=True) if mine]
        if together is None and isinstance(self.destination, BatchDestination):
            together = self.destination.deliver_many
        if together is not None:
            if held and self.may_call():
                outcomes += self._sent_together(together, held)
            else:
                outcomes += [transitions.released(claim) for claim in held]
        else:
            outcomes += [
                self._sent(claim) if self.may_call() else transitions.released(claim) for claim in held
            ]
        self._write_down(outcomes)
        crash_point("after_settle")

    def _write_down(self, outcomes: Sequence[Transition]) -> None:
        kept = transitions.write(self.engine, outcomes, now=self.now())
        for step, mine in zip(outcomes, kept, strict=True):
            self._count(step, mine)

    def _looked_up(self, claim: Claim) -> Transition | None:
        if isinstance(self.destination, Discerning) and repeatable(self.destination, claim.effect):
            return None  # sending it again costs no more than asking
        try:
            remote = self.destination.find(claim.effect)
        except CannotTellError as error:
            return transitions.rejected(claim, error.message, error.hint)
        except BusyError as error:
            self._learn([error])
            return self._busy(claim, error)
        except Exception as error:
            # Not knowing whether it landed, we do not send: a second alarm is worse than a late one.
            self._learn([error])
            return self._unknown(claim, f"could not look it up: {error}")
        self._learn([remote or ""])
        return None if remote is None else transitions.delivered(claim, remote, now=self.now(), found=True)

    def _sent(self, claim: Claim) -> Transition:
        crash_point("before_send")
        outcome: Outcome
        try:
            with sending_until(self._last_moment([claim]), self.now):
                outcome = self.destination.deliver(claim.effect)
        except Exception as error:
            outcome = error
        self._learn([outcome])
        if isinstance(outcome, str):
            crash_point("after_send")
        return self._outcome(claim, outcome)

    def _sent_together(self, together: Together, claims: Sequence[Claim]) -> list[Transition]:
        crash_point("before_send")
        outcomes: Sequence[Outcome]
        try:
            with sending_until(self._last_moment(claims), self.now):
                outcomes = together([claim.effect for claim in claims])
        except Exception as error:
            outcomes = [error] * len(claims)
        self._learn(outcomes)
        if any(isinstance(outcome, str) for outcome in outcomes):
            crash_point("after_send")
        return [self._outcome(claim, outcome) for claim, outcome in zip(claims, outcomes, strict=True)]

    def _last_moment(self, claims: Sequence[Claim]) -> datetime:
        """Until when bytes may leave: a call that then takes its whole time still ends within the lease."""
        return min(claim.lease_until for claim in claims) - self.policy.client_timeout

    def _learn(self, outcomes: Sequence[Outcome]) -> None:
        """Draw the conclusions of one call for those that would follow it."""
        stop = next((error for error in outcomes if isinstance(error, DestinationUnavailableError)), None)
        if stop is not None:
            self.counts.stopped, self.counts.remedy = stop.message, stop.hint
            self.counts.needs_person = stop.needs_person
        waits = [outcome.retry_after for outcome in outcomes if isinstance(outcome, BusyError)]
        busy = len(waits) == len(outcomes)
        if stop is not None or busy:
            self.counts.resume_at = self.now() + timedelta(seconds=max(waits))
        self.busy_in_a_row = self.busy_in_a_row + 1 if busy else 0
        if any(isinstance(outcome, str | FatalError | RateLimitedError) for outcome in outcomes):
            self.breaker.note(answered=True, now=self.now())
        elif any(isinstance(outcome, RetriableError | OSError) for outcome in outcomes):
            self.breaker.note(answered=False, now=self.now())  # a defect of ours says nothing about them

    def _outcome(self, claim: Claim, outcome: Outcome) -> Transition:
        if isinstance(outcome, str):
            return transitions.delivered(claim, outcome, now=self.now())
        if isinstance(outcome, BusyError):
            return self._busy(claim, outcome)
        if isinstance(outcome, FatalError):
            fix = outcome.hint or "Correct the cause, then resend it."
            return transitions.rejected(claim, outcome.message, fix)
        # Time-outs and resets, and our own defects too: only `find` can tell what happened.
        return self._unknown(
            claim, str(outcome) or type(outcome).__name__, rest=getattr(outcome, "retry_after", 0.0)
        )

    def _busy(self, claim: Claim, error: BusyError) -> Transition:
        again = self.now() + timedelta(seconds=max(error.retry_after, 1.0))
        whole = isinstance(error, RateLimitedError) or (
            isinstance(error, DestinationUnavailableError) and not error.needs_person
        )
        return (transitions.limited if whole else transitions.busy)(claim, error.message, again=again)

    def _unknown(self, claim: Claim, words: str, *, rest: float = 0.0) -> Transition:
        if claim.attempts + 1 >= self.policy.most_attempts:
            fix = "Look for it in the destination; resend it with a reason if it is not there."
            said = f"no outcome after {claim.attempts + 1} attempts: {words}"
            return transitions.rejected(claim, said, fix)
        wait = timedelta(seconds=15 * 2**claim.attempts)
        if not repeatable(self.destination, claim.effect):
            wait = max(self.policy.grace, wait)
        elif not claim.attempts:
            wait = timedelta(seconds=1)
        again = self.now() + max(wait, timedelta(seconds=rest))
        return transitions.unknown(claim, words, again=again)

    def _count(self, step: Transition, held: bool) -> None:
        if not held:
            self.counts.lost += 1
        elif step.event != "released":
            name = "busy" if step.event == "limited" else step.event
            setattr(self.counts, name, getattr(self.counts, name) + 1)
        if held and step.event == "rejected" and len(self.counts.refusals) < 5:
            self.counts.refusals.append(f"{step.key}: {step.detail} -> {step.values['fix']}")
