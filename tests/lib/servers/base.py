"""A small HTTP server with a memory, and with faults of the kinds that networks and vendors produce."""

from __future__ import annotations

import json
import random
import socket
import socketserver
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from customer_health.delivery.call_guard import GuardedAdapter
from tests.lib.servers import specs

# Each happens to one request. "after": the change was made, the caller does not learn of it.
FAULTS = (
    "429",
    "500_before",
    "500_after",
    "reset_before",
    "reset_after",
    "timeout_after",
    "garbage_after",
    "row_error",
    "auth_expired",
)


@dataclass(frozen=True)
class Request:
    """One request as the server sees it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)


@dataclass
class Answer:
    """What the server says."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Landed:
    """One change that was made for good: what `key` names was created, or changed."""

    key: str
    kind: str
    created: bool


class Server:
    """Base of all remotes: subclasses answer requests and call `land` for every change they make.

    Attributes:
        history: Every change ever made, in order. It never forgets, so duplicates show.
        requests: Every request.
        violations: Requests that break the vendor's published specification.
        next: Faults for the coming requests, one each; None lets one through.
        chance: Share of requests that get a random fault of `kinds`.
        slow: Seconds that a `timeout_after` takes.
    """

    autostart = True
    spec = ""
    prefix = ""  # only paths below it count for faults

    def __init__(self, *, seed: int = 7) -> None:
        self.lock = threading.RLock()
        self.history: list[Landed] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.injected: Counter[str] = Counter()
        self.next: deque[str | None] = deque()
        self.chance, self.kinds, self.slow = 0.0, FAULTS, 1.0
        self.row_fault = False
        self._random = random.Random(seed)
        self._http = self._listener()
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        if self.autostart:
            self.start()

    def _listener(self) -> socketserver.TCPServer:
        """Return the socket that listens; servers of another protocol make their own."""
        return _Listener(("127.0.0.1", 0), _handler(self))

    def start(self) -> None:
        """Begin to answer; anybody who wants to fork first sets `autostart` to False."""
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()

    def session(self, timeout: float = 2.0) -> requests.Session:
        """Return a session whose https calls all come here."""
        from customer_health.delivery.http_client import TimedSession

        session = TimedSession(timeout)
        session.trust_env = False
        session.mount("https://", _Detour(self.url))
        return session

    def land(self, key: str, kind: str, *, created: bool = True) -> None:
        """Remember a change."""
        self.history.append(Landed(key, kind, created))

    def created(self, kind: str | None = None) -> list[str]:
        """Return the keys of everything that was created, repeats included."""
        return [one.key for one in self.history if one.created and kind in (None, one.kind)]

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""
        raise NotImplementedError

    def limited(self) -> Answer:
        """How this vendor says: too fast."""
        return Answer(429, {"error": "slow down"}, {"Retry-After": "1"})

    def expired(self) -> Answer:
        """How this vendor says: who are you?"""
        return Answer(401, {"error": "unauthorized"})

    def fault(self, request: Request) -> str | None:
        """Return the fault of this request."""
        with self.lock:
            if not request.path.startswith(self.prefix):
                return None
            kind = None
            if self.next:
                kind = self.next.popleft()
            elif self._random.random() < self.chance:
                kind = self._random.choice(self.kinds)
            if kind:
                self.injected[kind] += 1
            return kind


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed leave broken pipes behind; they are what these tests are about."""


class _Detour(GuardedAdapter):
    """Sends what was meant for a vendor's host to a local server; the path stays the same."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self.to = to

    def send(self, request: requests.PreparedRequest, *args: Any, **given: Any) -> requests.Response:
        """Rewrite scheme and host."""
        split = urlsplit(str(request.url))
        request.headers["X-Meant-For"] = split.netloc
        request.url = f"{self.to}{split.path}" + (f"?{split.query}" if split.query else "")
        return super().send(request, *args, **given)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            split = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed in the middle of it: nothing was asked
                return self._reset()
            request = Request(self.command, unquote(split.path), parse_qs(split.query), headers, body)
            fault = server.fault(request)
            if fault == "reset_before":
                return self._reset()
            if fault in ("429", "500_before", "auth_expired"):
                answers: dict[str, Callable[[], Answer]] = {
                    "429": server.limited,
                    "500_before": lambda: Answer(500, {"message": "internal error"}),
                    "auth_expired": server.expired,
                }
                return self._say(answers[fault]())
            with server.lock:
                server.requests.append(request)
                if server.spec:
                    server.violations += specs.violations(server.spec, request)
                server.row_fault = fault == "row_error"
                try:
                    answer = server.answer(request)
                except Exception as error:  # a defect of the server must not look like a fault of the wire
                    server.violations.append(f"{request.method} {request.path}: {error!r}")
                    raise
            if fault == "timeout_after":
                time.sleep(server.slow)
            if fault in ("reset_after", "timeout_after"):
                return self._reset()
            if fault == "500_after":
                return self._say(Answer(502, {"message": "bad gateway"}))
            if fault == "garbage_after":
                return self._say(Answer(200, "<html>maintenance", {"Content-Type": "text/html"}))
            return self._say(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _say(self, answer: Answer) -> None:
            body = answer.body
            raw = (
                body
                if isinstance(body, bytes)
                else b""
                if body is None
                else (body.encode() if isinstance(body, str) else json.dumps(body).encode())
            )
            self.send_response_only(answer.status)
            self.send_header("Date", answer.headers.pop("Date", self.date_time_string()))
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _reset(self) -> None:
            """Close with RST, as a dying host or an impatient proxy does."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler
