"""What a remote's answer means for the outbox: nothing happened, it may have, or it never will."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)

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
_NEVER_SENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError, ProxyError)
_REASONS = (
    (NameResolutionError, "its host's name is not known here"),
    (ProxyError, "the proxy does not let us through"),
    (NewConnectionError, "nobody answers at its address"),  # before its base, the time-out
    (ConnectTimeoutError, "it does not take the connection"),
)
CERTIFICATE = "Check the host name, and the certificates of this machine or its proxy (REQUESTS_CA_BUNDLE)."
WAY_OUT = (
    "Check that this worker can look up the host's name, and that firewall and proxy (HTTPS_PROXY, NO_PROXY) "
    "let it through; it is tried again."
)
WEB_PAGE = (
    "A proxy, a firewall or a sign-in page answers instead, or the address is wrong: open it from this "
    "worker (curl -v), and correct the address, or HTTPS_PROXY and NO_PROXY."
)


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
            hint=CERTIFICATE,
            needs_person=True,
        )
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(_cause(error), _NEVER_SENT):
        return BusyError(f"{remote} {unreached(error)}.", retry_after=60.0, hint=WAY_OUT)
    return UnknownOutcomeError(
        f"{remote} gave no complete answer ({what}).",
        hint="Nothing, if it stays at one: where it may have happened, the destination is asked first.",
    )


def unreached(error: Exception) -> str:
    """Return why no byte of a request left, as words after the remote's name; empty where some may have."""
    cause = _cause(error)
    why = next((words for kind, words in _REASONS if isinstance(cause, kind)), "")
    if not why and isinstance(error, requests.exceptions.ConnectTimeout):
        why = "it does not take the connection"
    return f"could not be reached: {why}" if why else ""


def is_web_page(headers: Mapping[str, str]) -> bool:
    """Whether an answer is a page for a browser: no API that we speak to answers so; a proxy does."""
    return headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml"))


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
    if status == 407 or (300 <= status < 500 and is_web_page(headers)):
        return DestinationUnavailableError(
            f"{remote} was not reached: a web page answered {status}.", hint=WEB_PAGE, needs_person=True
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
