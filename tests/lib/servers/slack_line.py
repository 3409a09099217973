"""Slack's end of a Socket Mode line: hands out an address, sends envelopes, keeps what was acknowledged."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve


class SlackLine:
    """One line.

    Attributes:
        acks: Acknowledgements in order: envelope id and payload.
        opened: How many clients came.
    """

    def __init__(self) -> None:
        self.acks: list[dict[str, Any]] = []
        self.opened = 0
        self._news = threading.Condition()
        self._client: ServerConnection | None = None
        self._numbers = iter(range(1, 10_000))
        self._server: Server = serve(self._hear, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What apps.connections.open answers."""
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link/?ticket=1"

    def close(self) -> None:
        """Hang up."""
        self._server.shutdown()

    def send(self, payload: Mapping[str, Any], *, envelope: str = "", times: int = 1) -> dict[str, Any]:
        """Send an interactive envelope, `times` as Slack does when in doubt; return its last answer."""
        name = envelope or f"envelope-{next(self._numbers)}"
        message = {"type": "interactive", "envelope_id": name, "payload": payload}
        message["accepts_response_payload"] = True
        before = len(self.acks)
        for _ in range(times):
            self._wait(lambda: self._client is not None)
            assert self._client is not None
            self._client.send(json.dumps(message))
        self._wait(lambda: len(self.acks) >= before + times)
        return self.acks[-1]

    def hang_up(self) -> None:
        """Tell the client to come again, as Slack does every few hours."""
        self._wait(lambda: self._client is not None)
        opened = self.opened
        assert self._client is not None
        self._client.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        self._wait(lambda: self.opened > opened)

    def _hear(self, connection: ServerConnection) -> None:
        with self._news:
            self._client, self.opened = connection, self.opened + 1
            self._news.notify_all()
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        try:
            for message in connection:
                with self._news:
                    self.acks.append(json.loads(message))
                    self._news.notify_all()
        except ConnectionClosed:
            return

    def _wait(self, ready: Any) -> None:
        with self._news:
            assert self._news.wait_for(ready, timeout=30), "Slack waited in vain"
