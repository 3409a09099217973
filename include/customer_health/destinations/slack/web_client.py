"""slack_sdk's client over our own session: one attempt, one time-out for a call, a last look at the clock.

The library opens its connections with `urlopen`, where nobody can look at the clock between the handshake and
the first byte. One of its methods is replaced; tests/unit/test_slack_destination.py fails when it is gone.
"""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

import requests
from slack_sdk.web.client import WebClient

from customer_health.delivery import http_faults
from customer_health.effects.destination import UnknownOutcomeError


class GuardedWebClient(WebClient):
    """A Web API client whose requests travel by `session`.

    Args:
        session: Has a time-out.
        token: Of the app.
        base_url: Where Slack is.
    """

    def __init__(self, session: requests.Session, *, token: str, base_url: str) -> None:
        # It would resend by itself after a reset, and so post twice: its retry handlers are taken away.
        super().__init__(token=token, base_url=base_url, retry_handlers=[])
        self._session = session

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> dict[str, Any]:
        """Send what the library has prepared, and answer as `urlopen` would."""
        headers = {**dict(req.header_items()), "Connection": "close"}
        answer = self._session.request(req.get_method(), url, data=req.data, headers=headers)
        self._session.close()  # or the pool would offer a connection that the other side is closing
        if http_faults.is_web_page(answer.headers):  # the library would repeat the page as Slack's words
            if answer.status_code < 300:
                raise UnknownOutcomeError(
                    "Slack answered with a web page instead of JSON.", hint=http_faults.WEB_PAGE
                )
            raise http_faults.of_status("Slack", answer.status_code, "a web page", answer.headers)
        if answer.status_code >= 300:
            said = Message()
            for name, value in answer.headers.items():
                said[name] = value
            raise urllib.error.HTTPError(
                url, answer.status_code, answer.reason or "", said, io.BytesIO(answer.content)
            )
        return {"status": answer.status_code, "headers": answer.headers, "body": answer.text}
