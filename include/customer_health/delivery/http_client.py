"""HTTPS to a remote: one attempt, a time-out, no redirects, and answers sorted into three kinds."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from customer_health.delivery import http_faults
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.effects.destination import RejectedError, UnknownOutcomeError

Json = Any
Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class TimedSession(requests.Session):
    """A session in which no request may last for ever or be redirected with its credentials."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.timeout = timeout
        self.auth = _keep  # or a .netrc of the machine would replace our Authorization header

    def request(self, method: Any, url: Any, *args: Any, **given: Any) -> requests.Response:
        """Send; `timeout` and `allow_redirects` have the defaults that requests should have."""
        if given.get("timeout") is None:
            given["timeout"] = (self.timeout, self.timeout)
        given["allow_redirects"] = False
        return super().request(method, url, *args, **given)


class HttpClient:
    """Calls one remote under one set of headers.

    Args:
        remote: Its name, for messages.
        base: `https://host`, without a path.
        session: Carries the request; tests mount an adapter.
        pace: Waits before every request.
        headers: Credentials among them; a callable is asked before each request.
        fixes: What to do about a refusal, by a code that its text holds.
    """

    def __init__(
        self,
        remote: str,
        base: str,
        *,
        session: requests.Session,
        pace: RateLimiter,
        headers: Headers = lambda: {},
        fixes: Mapping[str, str] | None = None,
    ) -> None:
        self.remote, self.base = remote, base
        self.session, self.pace = session, pace
        self.headers, self.fixes = headers, fixes or {}

    def send(self, method: str, path: str, **given: Any) -> requests.Response:
        """Make one request and return the answer, whatever its status.

        `person` says in whose name it is made, for wires that act for several; this one has one name.

        Raises:
            BusyError: It never left.
            UnknownOutcomeError: No complete answer came.
        """
        given.pop("person", None)
        self.pace.wait()
        headers = self.headers() if callable(self.headers) else self.headers
        given["headers"] = {**headers, **given.get("headers", {})}
        try:
            return self.session.request(method, self.base + path, **given)
        except requests.RequestException as error:
            raise http_faults.of_exception(self.remote, error) from None

    def call(self, method: str, path: str, **given: Any) -> Json:
        """Make one request and return the JSON of its success.

        Raises:
            BusyError, RejectedError, UnknownOutcomeError: See faults.py. A success whose body cannot
                be read is unknown: something did happen.
        """
        answer = self.send(method, path, **given)
        if not 200 <= answer.status_code < 300:
            raise http_faults.of_status(
                self.remote, answer.status_code, answer.text, answer.headers, self.fixes
            )
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise UnknownOutcomeError(f"{self.remote} answered something that is not JSON.") from None


class _PublicConnection(HTTPSConnection):
    """Refuses to speak to anything but a public address, after connecting and before a byte is sent.

    Looking the name up beforehand would leave a gap: it may resolve to something else the next moment.
    """

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        address = ipaddress.ip_address(connection.getpeername()[0])
        if not address.is_global:
            connection.close()
            # Not an OSError: urllib3 would take that for a network fault and hide it.
            raise RejectedError(
                f"{self.host} leads to the private address {address}.",
                hint="Only public hosts may be called; correct connections.webhook.url.",
            )
        return connection


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class PublicOnly(HTTPAdapter):
    """Adapter for addresses that somebody typed: https and public hosts only."""

    def init_poolmanager(self, *args: Any, **given: Any) -> None:
        """Let the pool make guarded connections."""
        super().init_poolmanager(*args, **given)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"https": _PublicPool}
