"""What a remote's answer means for the outbox: nothing happened, it may have, or it never will."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError

from customer_health.effects.destination import (
    BusyError,
    RateLimitedError,
    RejectedError,
    UnknownOutcomeError,
)
from customer_health.errors import CustomerHealthError, FatalError

MOST_WORDS = 600
HOUR = 3600.0
# Raised before a byte of the request left: the remote cannot have acted on it.
_NEVER_SENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError)


class DestinationUnavailableError(BusyError):
    """No call to this destination can work for now. Nothing happened, and no further call is made.

    Attributes:
        needs_person: Waiting does not help: a token or a permission must change.
    """

    def __init__(
        self, message: str, *, retry_after: float = HOUR, hint: str = "", needs_person: bool = False
    ) -> None:
        super().__init__(message, retry_after=retry_after, hint=hint)
        self.needs_person = needs_person


class CannotTellError(FatalError):
    """The destination keeps no key, so nobody can ask whether an effect landed; a person must look."""


@contextmanager
def reading() -> Iterator[None]:
    """A question that had no answer changed nothing: what it was asked for can wait."""
    try:
        yield
    except UnknownOutcomeError as error:
        raise BusyError(error.message, retry_after=max(error.retry_after, 30.0), hint=error.hint) from None


def of_exception(remote: str, error: Exception) -> CustomerHealthError:
    """Return what a failed exchange means. Its own text is dropped: it repeats URLs, with their keys.

    Args:
        remote: Name of the remote, for the message.
        error: What `requests` raised.
    """
    what = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return DestinationUnavailableError(
            f"{remote} shows no certificate that we trust.",
            hint="Check the host name, and the certificates of this machine or its proxy.",
            needs_person=True,
        )
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(_cause(error), _NEVER_SENT):
        return BusyError(f"{remote} could not be reached ({what}).", retry_after=60.0)
    return UnknownOutcomeError(f"{remote} gave no complete answer ({what}).")


def _cause(error: Exception) -> object:
    cause = error.args[0] if error.args else None
    return cause.reason if isinstance(cause, MaxRetryError) else cause


def of_status(
    remote: str, status: int, words: str, headers: Mapping[str, str], fixes: Mapping[str, str] | None = None
) -> CustomerHealthError:
    """Return what an answer that is not a success means.

    Args:
        remote: Name of the remote.
        status: HTTP status.
        words: What it said, verbatim.
        headers: Of the answer; Retry-After is honoured.
        fixes: What to do, by a word that the remote's text may hold.
    """
    said = f"{remote} answered {status}: {words[:MOST_WORDS]}"
    if status == 429:
        return RateLimitedError(said, retry_after=retry_after(headers))
    if status == 401:
        return DestinationUnavailableError(
            said, hint=f"Renew the credentials of {remote}, then run again.", needs_person=True
        )
    if status >= 500 or status in (408, 425):
        return UnknownOutcomeError(said, retry_after=retry_after(headers, 0.0))
    return RejectedError(said, hint=fix_for(words, fixes or {}))


def retry_after(headers: Mapping[str, str], default: float = 30.0) -> float:
    """Return the seconds of a Retry-After header, between 1 s and a day; `default` without one."""
    try:
        return min(max(float(headers["Retry-After"]), 1.0), 24 * HOUR)
    except (KeyError, ValueError):
        return default


def fix_for(words: str, fixes: Mapping[str, str]) -> str:
    """Return the plain fix of the first code that the remote's words hold."""
    return next((fix for code, fix in fixes.items() if code in words), "Correct the cause, then resend it.")
