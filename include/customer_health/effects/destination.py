"""The two verbs that every destination speaks, and the three ways in which it may fail."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from customer_health.effects.effect import Effect
from customer_health.errors import FatalError, RetriableError


@runtime_checkable
class Destination(Protocol):
    """A system in which effects land.

    `find` looks up the remote id under which a key already landed, `deliver` makes the change and
    stamps it with `effect.key`. A destination never retries automatically: the outbox decides.
    """

    name: str

    def find(self, effect: Effect) -> str | None:
        """Return the remote id under which `effect.key` already landed, or None."""
        ...

    def deliver(self, effect: Effect) -> str:
        """Make the change and return its remote id.

        Raises:
            RejectedError: The destination understood and refused; a person must change something.
            BusyError: Nothing happened; the same call may work after `retry_after` seconds.
            UnknownOutcomeError: It may have happened; only `find` can tell.
        """
        ...


class RejectedError(FatalError):
    """The destination refused this effect for good; carries its own words verbatim."""


class BusyError(RetriableError):
    """The destination took nothing; ask again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float = 60.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimitedError(BusyError):
    """The destination wants no call at all, from any process, for `retry_after` seconds."""


class UnknownOutcomeError(RetriableError):
    """A time-out, a reset or a 5xx: the change may or may not have been made.

    Attributes:
        retry_after: Seconds for which the remote asked to be left alone; 0 where it did not say.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
