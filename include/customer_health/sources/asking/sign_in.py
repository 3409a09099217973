"""How a request says who we are: a key, or an access token that is renewed once when it is refused."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.auth import AuthBase

from customer_health.errors import ConfigurationError
from customer_health.sources.asking.vendor_access import Auth

EARLY = 120.0  # seconds before its end at which a token counts as spent
_PEM = re.compile(r"(-----BEGIN [A-Z ]+-----)(.*?)(-----END [A-Z ]+-----)", re.DOTALL)
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class KeyAuth(AuthBase):
    """A header that never changes.

    Args:
        name: Of the header.
        value: Of the header.
    """

    renewable = False

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._name] = self._value
        return request


class TokenAuth(AuthBase):
    """An OAuth 2 access token, fetched when it is first needed and again when the vendor refuses it.

    Vendors that do not say how long a token lasts (Salesforce) show its end only by a 401.

    Attributes:
        granted: Rights that the vendor says it has granted; empty if it does not say.

    Args:
        auth: Filled in.
        fetch: Posts a form to an address and returns the JSON of the answer.
        clock: Monotonic seconds.
        now: Epoch seconds, for the assertion.
    """

    renewable = True

    def __init__(
        self,
        auth: Auth,
        fetch: Callable[[str, dict[str, str]], dict[str, Any]],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._auth, self._fetch, self._clock, self._now = auth, fetch, clock, now
        self._token, self._until = "", 0.0
        self.granted: frozenset[str] = frozenset()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._token or self._until <= self._clock():
            self.renew()
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renew(self) -> None:
        """Ask for a new token."""
        body = self._fetch(self._auth.access_token_url, self._grant())
        self._token = str(body.get("access_token", ""))
        self.granted = frozenset(str(body.get("scope") or "").replace(",", " ").split())
        lasts = float(body.get("expires_in") or 3600)
        self._until = self._clock() + max(lasts - EARLY, 1.0)

    def _grant(self) -> dict[str, str]:
        auth = self._auth
        if auth.grant == "jwt_bearer":
            return {"grant_type": ASSERTION, "assertion": self._assertion()}
        form = {
            "grant_type": auth.grant,
            "client_id": auth.client_id,
            "client_secret": auth.client_secret,
            "scope": auth.scope,
            "refresh_token": auth.refresh_token,
        }
        return {name: value for name, value in form.items() if value}

    def _assertion(self) -> str:
        import jwt

        issued = int(self._now())
        claims = {
            "iss": self._auth.client_id,
            "sub": self._auth.subject,
            "aud": self._auth.audience or self._auth.access_token_url,
            "iat": issued,
            "exp": issued + 300,
            **({"scope": self._auth.scope} if self._auth.scope else {}),
        }
        try:
            key = whole_lines(self._auth.private_key)
            return jwt.encode({k: v for k, v in claims.items() if v}, key, algorithm="RS256")
        except Exception:  # whatever is wrong with the key, its text must not be repeated
            raise ConfigurationError(
                "The private key of the connection cannot be read.",
                hint="Paste it whole, -----BEGIN PRIVATE KEY----- included.",
            ) from None


def whole_lines(pem: str) -> str:
    """Return a key with the line breaks that JSON files write as two letters, and that forms drop."""
    found = _PEM.fullmatch(pem.replace("\\n", "\n").strip())
    if found is None:
        return pem
    body = "".join(found[2].split())
    lines = [body[begin : begin + 64] for begin in range(0, len(body), 64)]
    return "\n".join([found[1], *lines, found[3], ""])


def sign_in(auth: Auth, fetch: Callable[[str, dict[str, str]], dict[str, Any]]) -> KeyAuth | TokenAuth:
    """Return what signs requests as the filled-in `auth` says."""
    if auth.type == "bearer":
        return KeyAuth("Authorization", f"Bearer {auth.token}")
    if auth.type == "basic":
        pair = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        return KeyAuth("Authorization", f"Basic {pair}")
    if auth.type == "header":
        return KeyAuth(auth.name, auth.value)
    return TokenAuth(auth, fetch)
