"""What destinations are opened with: credentials, sessions, rates, a line to the vendor's own hosts."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.connections.connection_options import Options, Secret
from customer_health.connections.kinds import KINDS
from customer_health.delivery.http_client import HttpClient, TimedSession
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations.oauth_tokens import RenewingHttpClient, Tokens, token_url
from customer_health.errors import ConfigurationError
from customer_health.settings import Settings


def secret_of(kind: str, settings: Settings, *more: str) -> Mapping[str, str]:
    """Return the credentials of a kind of destination: a set that its declaration names, and `more`.

    Raises:
        ConfigurationError: They are missing. Their content is never repeated.
    """
    found = settings.secrets.get(kind, Secret())
    missing = min(([key for key in keys if not found.get(key)] for keys in KINDS[kind].keys), key=len)
    if missing := missing + [key for key in more if not found.get(key)]:
        raise ConfigurationError(
            f"The credentials of {kind} lack {', '.join(missing)}.",
            hint=f"Put them in the Airflow connection customer_health_{kind}, or in the environment as "
            f"CUSTOMER_HEALTH_SECRET_{kind.upper()}, a JSON object.",
        )
    return found


def session_for(options: Options) -> TimedSession:
    """Return a session that waits no longer than the options say."""
    return TimedSession(options.timeout_seconds)


def pace_of(options: Options) -> RateLimiter:
    """Return the rate that the options allow."""
    return RateLimiter(options.per_second, options.burst)


def wire_to(remote: str, base: str, options: Options, headers: Mapping[str, str]) -> HttpClient:
    """Return a line to a remote, a new connection for each call.

    A kept connection that the remote has closed meanwhile fails in a way that looks like a lost answer; where
    such an answer must be looked up, or judged by a person, a new connection each time is cheaper.
    """
    closing = {**headers, "Connection": "close"}
    return HttpClient(remote, base, session=session_for(options), pace=pace_of(options), headers=closing)


def tenant_address(title: str, host: str, suffixes: tuple[str, ...]) -> str:
    """Return https://host for a vendor's own domain; a token must not travel anywhere else.

    Raises:
        ConfigurationError: The host is somebody else's.
    """
    if not host.endswith(suffixes) or any(char in host for char in "/@:?#"):
        raise ConfigurationError(
            f"'{host}' is not a host of {title}.",
            hint=f"It must end in {' or '.join(suffixes)}, without a path.",
        )
    return f"https://{host}"


def renewing_wire(
    kind: str, remote: str, base: str, settings: Settings, options: Options, *scopes: str
) -> RenewingHttpClient:
    """Return a line whose access token is renewed when it ends."""
    secret = secret_of(kind, settings)
    tokens = Tokens(remote, secret, session_for(options), token_url(kind, secret), scopes)
    return RenewingHttpClient(
        remote,
        base,
        tokens,
        session=session_for(options),
        pace=pace_of(options),
        headers={"Connection": "close"},
    )
