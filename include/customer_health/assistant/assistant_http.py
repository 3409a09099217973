"""The MCP server over HTTP: a token says who asks, and nobody without one is answered.

Every request stands alone: the person is the one whose token this request carries, whatever a session before
it was. The company file holds a digest of each token, so that reading the file lets nobody ask.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from customer_health.assistant.assistant_person import Person, person_of
from customer_health.assistant.assistant_server import server_for
from customer_health.errors import ConfigurationError
from customer_health.settings import Settings

if TYPE_CHECKING:
    from mcp.server.auth.provider import AccessToken
    from starlette.applications import Starlette

LOCAL = ("127.0.0.1", "localhost", "[::1]")
MOST_PEOPLE = 200


def new_token() -> tuple[str, str]:
    """Return a token that cannot be guessed, and its digest for the company file."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """Return what the company file holds of a token. It is long and random: a plain hash does."""
    return hashlib.sha256(token.encode()).hexdigest()


def http_app(
    load: Callable[[], Settings], *, now: Callable[[], datetime], address: str, public: str = ""
) -> Starlette:
    """Return the app; `/mcp` answers.

    Args:
        load: Reads the settings; asked again for each request, so that a token that was taken out of the
            company file ends at once.
        now: The clock of the process's edge.
        address: Where it listens, as a URL.
        public: The URL under which people reach it, where a proxy with TLS stands in front.

    Raises:
        ConfigurationError: The company file gives nobody a token.
    """
    from mcp.server.auth.middleware.auth_context import get_access_token
    from mcp.server.auth.settings import AuthSettings
    from mcp.server.transport_security import TransportSecuritySettings

    settings = load()
    if not settings.config.assistant.tokens:
        raise ConfigurationError(
            "Nobody has a token, so the server would answer nobody.",
            hint="python -m customer_health mcp-token NAME makes one, and the line for assistant.tokens.",
        )

    @lru_cache(maxsize=MOST_PEOPLE)
    def known(user: str, _roles: str) -> Person:
        return person_of(load(), user)

    def asking() -> Person:
        token = get_access_token()
        return known(token.client_id if token else "", load().config.roles.model_dump_json())

    server = server_for(
        settings,
        asking,
        now=now,
        token_verifier=_Tokens(load),
        auth=AuthSettings(issuer_url=public or address, resource_server_url=None),
    )
    hosts = [f"{host}:*" for host in LOCAL] + ([urlsplit(public).netloc] if public else [])
    origins = [f"http://{host}:*" for host in LOCAL] + ([public.rstrip("/")] if public else [])
    return server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins
        ),
    )


class _Tokens:
    """Knows whose token one is. All are compared, in constant time each."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load

    async def verify_token(self, token: str) -> AccessToken | None:
        from mcp.server.auth.provider import AccessToken

        given, found = digest(token), ""
        for user, kept in self._load().config.assistant.tokens.items():
            if hmac.compare_digest(given, kept):
                found = user
        return AccessToken(token=token, client_id=found, scopes=[]) if found else None
