"""A network that hangs, knows no name, shows no certificate, or answers with a page: each ends in words.

Real sockets, no fakes of the library: what `requests` makes of a fault is half of what is tried here.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.lib.destinations import no_pace

from customer_health.delivery.http_client import HttpClient, TimedSession
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.slack import slack_destination
from customer_health.destinations.slack.web_client import GuardedWebClient
from customer_health.effects.destination import BusyError, UnknownOutcomeError
from customer_health.errors import CustomerHealthError
from customer_health.sources.asking import session as asking
from customer_health.sources.asking.faults import SourceBusyError, SourceRefusedError
from customer_health.sources.asking.session import AskingSession
from customer_health.sources.asking.vendor_access import Limits

PATIENCE = 0.5  # seconds of the time-outs
WITHIN = 60  # seconds, for all tries of one call on a busy machine
PAGE = b"<!doctype html><title>Sign in</title><p>Welcome to the guest network</p>"


def answers(data: bytes, *, then_hangs: bool) -> Iterator[str]:
    """A host that answers each request with these bytes, and closes, or falls silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with closing(line), suppress(OSError):
                line.recv(65536)
                line.sendall(data)
                if then_hangs:
                    over.wait(WITHIN)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(timeout=10)


def head(status: str, kind: str, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.fixture
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    kind = request.param
    if kind == "hangs in mid-answer":
        yield from answers(head("200 OK", "application/json", 1000) + b'{"id": ', then_hangs=True)
    elif kind == "a page":
        yield from answers(head("200 OK", "text/html", len(PAGE)) + PAGE, then_hangs=False)
    elif kind == "a page that forbids":
        yield from answers(head("403 Forbidden", "text/html", len(PAGE)) + PAGE, then_hangs=False)
    elif kind == "no TLS":
        for found in answers(head("200 OK", "application/json", 2) + b"{}", then_hangs=False):
            yield found.replace("http://", "https://")
    elif kind == "no such name":
        real = socket.getaddrinfo

        def unknown(host: Any, *given: Any, **more: Any) -> Any:
            if host == "vendor.invalid":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real(host, *given, **more)

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        yield "http://vendor.invalid"
    elif kind == "hangs when connecting":
        with closing(socket.socket()) as listener, closing(socket.socket()) as first:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)  # the queue holds one more than said; nobody accepts
            waiting = []
            for _ in range(3):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                waiting.append(one)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            for one in waiting:
                one.close()
            first.close()
    elif kind == "a closed proxy":
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            port = listener.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        yield "https://vendor.example"


def timed() -> TimedSession:
    return TimedSession(PATIENCE)


def by_client(address: str) -> None:
    HttpClient("Acme", address, session=timed(), pace=no_pace()).call("POST", "/tasks", json={"a": 1})


def by_slack(address: str) -> None:
    one = slack_destination.SlackDestination.__new__(slack_destination.SlackDestination)
    one.pace = no_pace()
    web = GuardedWebClient(timed(), token="xoxb-canary", base_url=f"{address}/api/")
    one._call(web.chat_postMessage, channel="C1", text="hello")


def by_source(address: str) -> None:
    session = AskingSession(
        "Acme", Limits(), frozenset({"vendor.example"}), through=address, sleep=lambda seconds: None
    )
    request = requests.Request("GET", "https://vendor.example/accounts?api_key=key-canary").prepare()
    session.send(request, timeout=(PATIENCE, PATIENCE))


FAULTS = {
    # fault: what delivery makes of it, what Slack's client does, what a source does, words of all
    "hangs when connecting": (BusyError, BusyError, SourceBusyError, "could not be reached: it does not"),
    "hangs in mid-answer": (UnknownOutcomeError, UnknownOutcomeError, SourceBusyError, "no complete answer"),
    "no such name": (BusyError, BusyError, SourceBusyError, "its host's name is not known"),
    "no TLS": (DestinationUnavailableError,) * 2 + (SourceRefusedError, "no certificate that we trust"),
    "a page": (UnknownOutcomeError, UnknownOutcomeError, SourceBusyError, "a web page"),
    "a page that forbids": (DestinationUnavailableError,) * 2 + (SourceRefusedError, "a web page"),
}  # fmt: skip


@pytest.mark.parametrize("address", FAULTS, indirect=True)
@pytest.mark.parametrize(("place", "call"), enumerate([by_client, by_slack, by_source]))
def test_every_fault_of_the_network_says_what_happened_and_what_to_do(
    address: str, place: int, call: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    *kinds, words = FAULTS[request.node.callspec.params["address"]]
    with pytest.raises(CustomerHealthError) as stop:
        call(address)
    assert type(stop.value) is kinds[place]
    assert words in stop.value.message
    assert stop.value.hint
    assert "canary" not in str(stop.value)


@pytest.mark.parametrize("address", ["a closed proxy"], indirect=True)
def test_a_proxy_that_lets_nobody_through_has_sent_nothing(address: str) -> None:
    with pytest.raises(BusyError, match="the proxy does not let us through") as stop:
        by_client(address)
    assert "HTTPS_PROXY" in stop.value.hint


def test_an_answer_of_a_source_that_trickles_in_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out is per read: a byte now and then would hold the task until Airflow ends it."""
    monkeypatch.setattr(asking, "LONGEST_CALL", 0.3)
    monkeypatch.setattr(asking, "TRIES", 1)
    with (
        trickling(100_000) as address,
        pytest.raises(SourceBusyError, match=r"no complete answer \(ReadTimeout\)"),
    ):
        by_source_with_patience(address)


@pytest.mark.parametrize("length", [100_000, None])
def test_a_file_that_trickles_in_ends_after_its_time_and_nothing_of_it_counts(
    length: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a length or without one: such a body ends wherever the connection does, and would look whole."""
    monkeypatch.setattr(asking, "LONGEST_FILE", 0.5)
    with trickling(length) as address, pytest.raises(SourceBusyError, match="was not whole after") as stop:
        downloaded(address, tmp_path / "answer")
    assert "nothing of it was kept" in stop.value.hint


def test_a_file_that_comes_in_time_is_whole(tmp_path: Path) -> None:
    with trickling(12) as address:
        downloaded(address, tmp_path / "answer")
    assert (tmp_path / "answer").read_bytes() == b"1" * 12


def downloaded(address: str, to: Path) -> None:
    session = AskingSession("Acme", Limits(), frozenset({"vendor.example"}), through=address)
    session.save(requests.Request("GET", "https://vendor.example/x").prepare(), to)


@contextmanager
def trickling(length: int | None) -> Iterator[str]:
    """A host that answers one request with a byte now and then: so many, or without an end."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def trickle() -> None:
        line, _ = listener.accept()
        with closing(line), suppress(OSError):
            line.recv(65536)
            unknown = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nConnection: close\r\n\r\n"
            line.sendall(head("200 OK", "text/csv", length) if length else unknown)
            sent = 0
            while sent != length and not over.wait(0.05):
                line.sendall(b"1")
                sent += 1

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join(timeout=10)
    listener.close()


def by_source_with_patience(address: str) -> None:
    session = AskingSession("Acme", Limits(), frozenset({"vendor.example"}), through=address)
    session.send(requests.Request("GET", "https://vendor.example/x").prepare(), timeout=(WITHIN, WITHIN))
