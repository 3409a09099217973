"""A receiver of webhooks, two mailboxes with drafts, and a mail server."""

from __future__ import annotations

import base64
import email
import itertools
import re
import smtplib
import socketserver
import threading
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
        from customer_health.destinations.webhook import signature

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


class MailServer:
    """A mail server that keeps every message it accepted; `fault` is 'before', 'after' or a reply code."""

    def __init__(self) -> None:
        self.messages: list[email.message.Message] = []
        self.fault = ""
        server = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line.split(" ")[0].upper()
                    if verb == "DATA":
                        if not self._data():
                            return
                    elif verb == "RCPT" and server.fault.isdigit():
                        self._say(f"{server.fault} no")
                    elif verb == "QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 ok")

            def _data(self) -> bool:
                if server.fault == "before":
                    return False
                self._say("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line)
                server.messages.append(email.message_from_bytes(b"".join(lines)))
                if server.fault == "after":
                    return False
                self._say("250 taken")
                return True

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._tcp = Listener(("127.0.0.1", 0), Session)
        self.port = self._tcp.server_address[1]
        threading.Thread(target=self._tcp.serve_forever, args=(0.02,), daemon=True).start()

    def line(self) -> smtplib.SMTP:
        """Return a client's connection."""
        return smtplib.SMTP("127.0.0.1", self.port, timeout=2)

    def close(self) -> None:
        """Stop listening."""
        self._tcp.shutdown()
        self._tcp.server_close()
