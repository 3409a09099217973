"""A token server as Google and Microsoft run them: forms in, tokens out, and assertions that it verifies."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qsl

from tests.lib.servers.base import Answer, Request, Server

ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenServer(Server):
    """Gives out `key-1`, `key-2`, ...

    Attributes:
        good: Tokens that were given out and not withdrawn.
        grants: Every form it was sent.
        refresh_tokens: That it accepts.
        public_key: Of the service account, PEM.
        broken: Gives out tokens that no remote accepts.
        lasts: Seconds.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.good: set[str] = set()
        self.grants: list[dict[str, str]] = []
        self.refresh_tokens = {"refresh-1"}
        self.public_key = ""
        self.broken = False
        self.lasts: int = 3600
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        """Judge one grant."""
        form = dict(parse_qsl(request.raw.decode()))
        self.grants.append(form)
        if refused := self._refused(form, request.path):
            return Answer(400, {"error": refused, "error_description": f"{form} is refused"})
        token = f"key-{next(self._numbers)}"
        if not self.broken:
            self.good.add(token)
        return Answer(body={"access_token": token, "expires_in": self.lasts, "token_type": "Bearer"})

    def _refused(self, form: dict[str, str], path: str) -> str:
        match form.get("grant_type"):
            case "refresh_token":
                return "" if form.get("refresh_token") in self.refresh_tokens else "invalid_grant"
            case "client_credentials":
                right = form.get("client_secret") == "s" and path == "/acme.com/oauth2/v2.0/token"
                return "" if right and form.get("scope", "").endswith("/.default") else "invalid_client"
            case str(grant) if grant == ASSERTION:
                import jwt

                try:
                    claims = jwt.decode(
                        form["assertion"],
                        self.public_key,
                        algorithms=["RS256"],
                        audience="https://oauth2.googleapis.com/token",
                    )
                except jwt.InvalidTokenError:
                    return "invalid_grant"
                return "" if claims["sub"] and claims["scope"] else "unauthorized_client"
            case _:
                return "unsupported_grant_type"
