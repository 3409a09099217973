"""Ends a task with our words instead of a stack trace.

Airflow prints the trace of every exception that leaves a task, with one exception: SystemExit. A
`CustomerHealthError` was raised on purpose and already says what happened and how to fix it, so
the operator logs that and leaves through one of these. The retry policy tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from customer_health.errors import CustomerHealthError, RetriableError
from customer_health.store_faults import of_disk


class Stopped(SystemExit):
    """The end of a task in our own words.

    Attributes:
        remedy: What to do about it.
    """

    def __init__(self, words: str = "", remedy: str = "") -> None:
        super().__init__(words)
        self.remedy = remedy


class NeedsAPerson(Stopped):
    """The task failed and trying again cannot help."""


class TryAgainLater(Stopped):
    """The task failed and the same call may work later."""


class Log(Protocol):
    """The part of a logger that is needed here."""

    def error(self, event: str, /, *args: Any) -> Any: ...

    def debug(self, event: str, /, *args: Any, **given: Any) -> Any: ...


@contextmanager
def _known_disk() -> Iterator[None]:
    """A disk that is full, read-only or failing speaks in any line that writes; it is known by its number."""
    try:
        yield
    except OSError as error:
        raise of_disk(error) or error from None


@contextmanager
def plain_words(log: Log) -> Iterator[None]:
    """Turn an error that was raised on purpose into log lines; let every other error through.

    Raises:
        NeedsAPerson: For a FatalError.
        TryAgainLater: For a RetriableError.
    """
    try:
        with _known_disk():
            yield
    except CustomerHealthError as error:
        for line in error.message.splitlines():
            log.error("What happened:  %s", line)
        for line in error.hint.splitlines():
            log.error("What to do:     %s", line)
        log.debug("Where it was raised", exc_info=True)
        ends = TryAgainLater if isinstance(error, RetriableError) else NeedsAPerson
        raise ends(error.message, error.hint) from None
