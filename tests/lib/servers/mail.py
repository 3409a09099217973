"""A receiver of webhooks, two mailboxes with drafts, and a mail server."""

from __future__ import annotations

import base64
import email
import itertools
import re
import smtplib
import socketserver
import time
from typing import Any

from tests.lib.servers.base import Answer, Request, Server

SIGNING_KEY = "0123456789abcdef"


class WebhookReceiver(Server):
    """Checks signatures and drops keys that it has seen, as our documentation asks of it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: set[str] = set()
        self.refuses: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """Take one effect."""
        from customer_health.destinations.http.webhook import signature

        headers = request.headers
        wanted = signature(SIGNING_KEY.encode(), headers["x-customer-health-timestamp"], request.raw)
        if headers["x-customer-health-signature"] != wanted:
            return Answer(401, {"error": "bad signature"})
        key = headers["idempotency-key"]
        if request.json["account_id"] in self.refuses:
            return Answer(422, {"error": "unknown account"})
        if key not in self.seen:
            self.seen.add(key)
            self.land(key, "event")
        return Answer(204)


class GmailMailbox(Server):
    """Drafts, found by their Message-ID."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.drafts: dict[str, email.message.Message] = {}
        self._ids = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Create or list."""
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": {"code": 401}})
        if request.method == "GET":
            wanted = request.query["q"][0].removeprefix("rfc822msgid:")
            found = [{"id": one} for one, mail in self.drafts.items() if wanted in str(mail["Message-ID"])]
            return Answer(body={"drafts": found} if found else {})
        mail = email.message_from_bytes(base64.urlsafe_b64decode(request.json["message"]["raw"]))
        number = f"r{next(self._ids)}"
        self.drafts[number] = mail
        self.land(str(mail["X-Customer-Health-Key"]), "draft")
        return Answer(body={"id": number})


class GraphMailbox(Server):
    """Drafts, found by an extended property."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.drafts: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Create or list."""
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": {"code": "InvalidAuthenticationToken"}})
        if request.path == "/v1.0/organization":
            return Answer(body={"value": [{"displayName": "Acme"}]})
        if request.method == "GET":
            wanted = re.search(r"p/value eq '([^']*)'", request.query["$filter"][0])
            found = [
                {"id": number}
                for number, mail in self.drafts.items()
                if wanted and mail["singleValueExtendedProperties"][0]["value"] == wanted[1]
            ]
            return Answer(body={"value": found})
        number = f"AAMk{next(self._ids)}"
        self.drafts[number] = request.json
        self.land(request.json["singleValueExtendedProperties"][0]["value"], "draft")
        return Answer(201, {"id": number})


class MailServer(Server):
    """A mail server that keeps every message it accepted.

    Attributes:
        messages: Accepted, in order.
        fault_of_all: Of every session: 'before', 'after', or a reply code for the recipient.
    """

    def __init__(self, **given: Any) -> None:
        self.messages: list[email.message.Message] = []
        self.fault_of_all = ""
        super().__init__(**given)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    def line(self, timeout: float = 2.0) -> smtplib.SMTP:
        """Return a client's connection."""
        return smtplib.SMTP("127.0.0.1", self.port, timeout=timeout)

    def _listener(self) -> socketserver.TCPServer:
        server = self

        class Session(_Session):
            remote = server

        return _Lines(("127.0.0.1", 0), Session)


class _Lines(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed leave broken pipes behind."""


# What a fault of the network is in this protocol: the reply to the recipient.
_REPLIES = {"429": "450 slow down", "500_before": "451 try later", "row_error": "550 no such box"}


class _Session(socketserver.StreamRequestHandler):
    remote: MailServer

    def handle(self) -> None:
        """Speak with one client; a fault is drawn when the message is announced."""
        fault: str | None = None
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "MAIL":
                fault = self._drawn()
                if fault == "reset_before":
                    return
                self._say("530 who are you" if fault == "auth_expired" else "250 ok")
            elif verb == "RCPT":
                self._say(_REPLIES.get(fault or "", f"{fault} no" if (fault or "").isdigit() else "250 ok"))
            elif verb == "DATA":
                if fault == "before" or not self._data(fault):
                    return
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _drawn(self) -> str | None:
        server = self.remote
        # An anonymous request: faults ask for nothing but its path.
        return server.fault_of_all or server.fault(Request("MAIL", "/", {}, {}, b""))

    def _data(self, fault: str | None) -> bool:
        """Take a message; return whether the client is told."""
        server = self.remote
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if not line:
            return False  # the client died in the middle
        message = email.message_from_bytes(b"".join(lines))
        with server.lock:
            server.requests.append(Request("DATA", "/", {}, {}, b"".join(lines)))
            server.messages.append(message)
            server.land(str(message["X-Customer-Health-Key"]), "mail")
        if fault == "timeout_after":
            time.sleep(server.slow)
        if fault in ("after", "reset_after", "timeout_after", "500_after"):
            return False  # a server that has taken a message says no other way that it failed
        self._say("<html>maintenance" if fault == "garbage_after" else "250 taken")
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
