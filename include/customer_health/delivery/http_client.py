"""HTTPS to a remote: one attempt, a time-out, no redirects, and answers sorted into three kinds."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import requests
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from customer_health.delivery import http_faults
from customer_health.delivery.call_guard import (
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    answered_within,
)
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.effects.destination import RejectedError, UnknownOutcomeError

Json = Any
Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


UPLOAD_BYTES_A_SECOND = 200_000
"""A large body gets the time that a slow line needs for it."""


class TimedSession(requests.Session):
    """A session in which no request may last for ever or be redirected with its credentials.

    Args:
        timeout: Seconds for connecting, and again for the whole exchange after that.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.timeout = timeout
        self.auth = _keep  # or a .netrc of the machine would replace our Authorization header
        for scheme in ("https://", "http://"):
            self.mount(scheme, GuardedAdapter())

    def request(self, method: Any, url: Any, *args: Any, **given: Any) -> requests.Response:
        """Send; `timeout` and `allow_redirects` have the defaults that requests should have."""
        if given.get("timeout") is None:
            given["timeout"] = (self.timeout, self.timeout)
        given["allow_redirects"] = False
        body = given.get("data")
        size = len(body) if isinstance(body, str | bytes) else 0
        longest = self.timeout + size / UPLOAD_BYTES_A_SECOND
        return answered_within(longest, partial(super().request, method, url, *args, **given))


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
            if http_faults.is_web_page(answer.headers):
                raise UnknownOutcomeError(
                    f"{self.remote} answered with a web page instead of JSON.", hint=http_faults.WEB_PAGE
                ) from None
            raise UnknownOutcomeError(f"{self.remote} answered something that is not JSON.") from None


def _turned_away(connection: Any, host: str, hint: str, *, public: bool) -> None:
    """Close a connection to the wrong side of the network's edge, before a byte is sent.

    Looking the name up beforehand would leave a gap: it may resolve to something else the next moment.
    """
    address = ipaddress.ip_address(connection.getpeername()[0])
    if address.is_global != public:
        connection.close()
        # Not an OSError: urllib3 would take that for a network fault and hide it.
        raise RejectedError(
            f"{host} leads to the {'private' if public else 'public'} address {address}.", hint=hint
        )


class _PublicConnection(GuardedHTTPSConnection):
    setting = ""

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        hint = f"Only public hosts may be called by https; correct {self.setting}."
        _turned_away(connection, self.host, hint, public=True)
        return connection


class _PrivateConnection(GuardedHTTPConnection):
    setting = ""

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        hint = f"Only hosts of your own network may be called without TLS; correct {self.setting}."
        _turned_away(connection, self.host, hint, public=False)
        return connection


class _OneSide(GuardedAdapter):
    """Adapter for addresses that somebody typed.

    Args:
        setting: Where the address was typed, for messages.
    """

    scheme: str
    pool: type[HTTPConnectionPool]
    connection: type[Any]

    def __init__(self, setting: str = "connections.webhook.url") -> None:
        kept = type("Connection", (self.connection,), {"setting": setting})
        self.pools = {self.scheme: type("Pool", (self.pool,), {"ConnectionCls": kept})}
        super().__init__()


class PublicOnly(_OneSide):
    """Https, and public hosts only."""

    scheme = "https"
    pool = HTTPSConnectionPool
    connection = _PublicConnection


class PrivateOnly(_OneSide):
    """Http, and hosts of our own network only: nothing crosses the Internet without TLS."""

    scheme = "http"
    pool = HTTPConnectionPool
    connection = _PrivateConnection
