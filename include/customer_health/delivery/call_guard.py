"""Two limits of a call: the last moment at which its bytes may leave, and how long it may last in all.

Between the look at its lease and its call a process may be put to sleep: by the kernel, a hypervisor, a
debugger. When it wakes up, another may have sent the same effect. So the clock is looked at again after
every wait, and once more when the connection stands and nothing is left to do but to write into it. What then
remains is the time between two machine instructions, and a remote that commits later than the grace; `audit`
counts both.

A socket's time-out is per read: a remote that sends one byte now and then would hold a call for ever. A timer
closes the socket instead.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from customer_health.effects.destination import BusyError
from customer_health.ledger.crash_points import crash_point


class TooLateError(BusyError):
    """The call was not made: its lease, or what is left of it, no longer covers it."""


@dataclass(frozen=True)
class _Lease:
    now: Callable[[], datetime]
    until: datetime


@dataclass
class _Limit:
    seconds: float
    timer: threading.Timer | None = None
    passed: bool = False

    def watch(self, sock: socket.socket) -> None:
        """Close the connection when the time is over, whatever it is waiting for."""

        def close() -> None:
            self.passed = True
            with suppress(OSError):  # it may have ended by itself
                sock.shutdown(socket.SHUT_RDWR)

        if self.timer is not None:  # of a try before this one: its connection is not ours any more
            self.timer.cancel()
        self.timer = threading.Timer(self.seconds, close)
        self.timer.daemon = True
        self.timer.start()


_lease: ContextVar[_Lease | None] = ContextVar("lease", default=None)
_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@contextmanager
def sending_until(until: datetime, now: Callable[[], datetime]) -> Iterator[None]:
    """Let bytes leave for as long as `now()` lies before `until`; later calls end in TooLateError."""
    token = _lease.set(_Lease(now, until))
    try:
        yield
    finally:
        _lease.reset(token)


def check() -> None:
    """Look at the clock once more.

    Raises:
        TooLateError: The moment has passed; nothing was sent.
    """
    lease = _lease.get()
    if lease is not None and lease.now() >= lease.until:
        raise TooLateError(
            "This process slept through its lease; nothing was sent.",
            retry_after=1.0,
            hint="Nothing: the process that holds the effect now sends it.",
        )


@contextmanager
def lasting_at_most(seconds: float) -> Iterator[Callable[[], bool]]:
    """End every exchange inside after so many seconds; yield whether that has happened."""
    limit = _Limit(seconds)
    token = _limit.set(limit)
    try:
        yield lambda: limit.passed
    finally:
        _limit.reset(token)
        if limit.timer is not None:
            limit.timer.cancel()


def answered_within(seconds: float, call: Callable[[], requests.Response]) -> requests.Response:
    """Make a call that `lasting_at_most` ends.

    Raises:
        ReadTimeout: It took longer.
    """
    with lasting_at_most(seconds) as over:
        try:
            answer = call()
        except requests.RequestException:
            if over():
                raise requests.exceptions.ReadTimeout("the answer took too long") from None
            raise
        if over():  # a body without a length ends wherever the connection does
            raise requests.exceptions.ReadTimeout("the answer took too long")
        return answer


class _Guarded:
    """Mixed into a connection: connects first, looks at the clock, and only then lets the request out."""

    def endheaders(self, *args: Any, **given: Any) -> None:
        connection: Any = self
        if connection.sock is None:
            connection.connect()
        crash_point("before_bytes")
        check()
        limit = _limit.get()
        if limit is not None:
            limit.watch(connection.sock)
        super().endheaders(*args, **given)  # type: ignore[misc]


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """HTTPS under a guard."""


class GuardedHTTPConnection(_Guarded, HTTPConnection):
    """HTTP under a guard."""


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = GuardedHTTPSConnection


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = GuardedHTTPConnection


class GuardedAdapter(HTTPAdapter):
    """Adapter of every session that speaks to a destination."""

    pools: dict[str, type] = {"http": _HTTPPool, "https": _HTTPSPool}  # noqa: RUF012  # read, never changed

    def init_poolmanager(self, *args: Any, **given: Any) -> None:
        """Let the pool make guarded connections."""
        super().init_poolmanager(*args, **given)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, *args: Any, **given: Any) -> Any:
        """The same through a proxy."""
        manager = super().proxy_manager_for(*args, **given)
        manager.pool_classes_by_scheme = self.pools
        return manager
