"""How long a call may last: in all, not from one byte to the next."""

import socket
import threading
import time

import pytest
from tests.lib.destinations import no_pace
from tests.lib.servers.hubspot import HubspotPortal

from customer_health.delivery.http_client import HttpClient, TimedSession
from customer_health.effects.destination import UnknownOutcomeError


@pytest.fixture
def trickle():
    """A remote that takes the request and answers one byte every 50 ms, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve():
        line, _ = listener.accept()
        line.recv(65536)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
        for byte in answer:
            if over.wait(0.05):
                break
            try:
                line.send(bytes([byte]))
            except OSError:
                break
        line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join(timeout=5)
    listener.close()
    assert not thread.is_alive()


def test_a_remote_that_sends_a_byte_now_and_then_holds_nobody_for_ever(trickle):
    session = TimedSession(0.5)
    session.trust_env = False
    ended = threading.Event()
    answers = []

    def call():
        try:
            HttpClient("Acme", trickle, session=session, pace=no_pace()).call("GET", "/")
        except UnknownOutcomeError as error:
            answers.append(error.message)
        ended.set()

    threading.Thread(target=call, daemon=True).start()
    assert ended.wait(timeout=30), "the call goes on and on"
    assert answers == ["Acme gave no complete answer (ReadTimeout)."]


def test_no_timer_is_left_behind_by_calls_that_were_answered():
    """A thread for every call would be thousands in a night."""
    server = HubspotPortal()
    client = HttpClient("Acme", "https://acme.example", session=server.session(30.0), pace=no_pace())
    for _ in range(5):
        client.send("GET", "/")
    server.close()
    deadline = time.monotonic() + 30
    while timers() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert timers() == []


def timers():
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
