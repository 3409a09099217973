"""Access tokens that last an hour, renewed by whatever the company gave us: OAuth 2, three ways.

- a refresh token (`refresh_token`, `client_id`, `client_secret`),
- client credentials (`client_id`, `client_secret`, `tenant`), for Microsoft Graph,
- a service account's key (`client_email`, `private_key`) that may act for the owners, for Google.

A token that is refused is renewed once. If the new one is refused too, the channel stops for a person.

Authlib was considered: it would bring the form of these three requests. Which refusal renews a token, whose
token it is, and which fault stops a channel would stay ours, so that it would not take over renewal whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.errors import ConfigurationError

EARLY = 120.0  # seconds before its end at which a token counts as spent
GOOGLE, MICROSOFT = "https://oauth2.googleapis.com/token", "https://login.microsoftonline.com"
_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class _Held:
    token: str
    until: float


class Tokens:
    """The access tokens of one remote, by the person in whose name we act.

    Args:
        remote: Its name, for messages.
        secret: Any of the sets of keys above; or `access_token` alone, which nobody can renew.
        session: Carries the requests for tokens.
        url: Where tokens are given out.
        scopes: What we ask for.
        clock: Seconds that only grow; tests put their own.
        now: Epoch seconds, for the assertion of a service account.
    """

    def __init__(
        self,
        remote: str,
        secret: Mapping[str, str],
        session: requests.Session,
        url: str,
        scopes: tuple[str, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.remote, self.url, self.scopes = remote, url, scopes
        self._secret, self._session = secret, session
        self._clock, self._now = clock, now
        self._held: dict[str, _Held] = {}
        self._kind = _kind_of(remote, secret)

    @property
    def renewable(self) -> bool:
        """Whether we can get a new token by ourselves."""
        return self._kind != "access_token"

    @property
    def delegated(self) -> bool:
        """Whether each token is for one person, in whose name a service account acts."""
        return self._kind == "service_account"

    def of(self, person: str = "") -> str:
        """Return a token that is still good; `person` matters to service accounts only.

        Raises:
            BusyError, DestinationUnavailableError: No token could be had. Nothing has happened at the remote.
        """
        if self._kind == "access_token":
            return self._secret["access_token"]
        whose = person if self._kind == "service_account" else ""
        held = self._held.get(whose)
        if held is None or held.until <= self._clock():
            held = self._held[whose] = self._fetch(whose)
        return held.token

    def refused(self, person: str = "") -> None:
        """Forget a token that the remote did not accept."""
        self._held.pop(person if self._kind == "service_account" else "", None)

    def _fetch(self, person: str) -> _Held:
        try:
            answer = self._session.request("POST", self.url, data=self._grant(person))
        except requests.RequestException as error:
            with http_faults.reading():  # nothing happened at the remote, whatever became of the request
                raise http_faults.of_exception(f"{self.remote} (token)", error) from None
        if answer.status_code in (400, 401, 403):
            raise DestinationUnavailableError(
                f"{self.remote} gave us no token: {_reason(answer)}.",
                hint=f"Renew the credentials of {self.remote}, and what they may do for the owners.",
                needs_person=True,
            )
        with http_faults.reading():
            if answer.status_code != 200:
                raise http_faults.of_status(
                    f"{self.remote} (token)", answer.status_code, _reason(answer), answer.headers
                )
            try:
                body = answer.json()
                token, lasts = str(body["access_token"]), float(body.get("expires_in", 3600))
            except (ValueError, KeyError, TypeError):
                raise http_faults.of_status(
                    f"{self.remote} (token)", 502, "no token in the answer", answer.headers
                ) from None
        return _Held(token, self._clock() + max(lasts - EARLY, 1.0))

    def _grant(self, person: str) -> dict[str, str]:
        secret, scope = self._secret, " ".join(self.scopes)
        grant: dict[str, str] = {}
        if self._kind == "refresh_token":
            grant = {"grant_type": "refresh_token", "refresh_token": secret["refresh_token"]}
        elif self._kind == "client_credentials":
            grant = {"grant_type": "client_credentials", "scope": scope}
        if grant:
            return {**grant, "client_id": secret["client_id"], "client_secret": secret["client_secret"]}
        return {"grant_type": _ASSERTION, "assertion": self._assertion(person, scope)}

    def _assertion(self, person: str, scope: str) -> str:
        import jwt

        issued = int(self._now())
        claims = {
            "iss": self._secret["client_email"],
            "sub": person or self._secret["client_email"],
            "scope": scope,
            "aud": GOOGLE,
            "iat": issued,
            "exp": issued + 3600,
        }
        try:
            return jwt.encode(claims, self._secret["private_key"].replace("\\n", "\n"), algorithm="RS256")
        except Exception:  # whatever is wrong with the key, its text must not be repeated
            raise DestinationUnavailableError(
                f"The private key of {self.remote} cannot be read.",
                hint="Paste the service account's private_key, -----BEGIN PRIVATE KEY----- included.",
                needs_person=True,
            ) from None


class RenewingHttpClient(HttpClient):
    """A wire whose token is renewed once when the remote refuses it: a 401 means that nothing happened."""

    def __init__(self, remote: str, base: str, tokens: Tokens, **given: Any) -> None:
        super().__init__(remote, base, **given)
        self.tokens = tokens

    def send(self, method: str, path: str, **given: Any) -> requests.Response:
        """As for `HttpClient`; the person in whose name it is sent is given, or stands in the path."""
        person = str(given.pop("person", "") or _person_in(path))
        answer = self._send(method, path, person, given)
        if answer.status_code == 401 and self.tokens.renewable:
            self.tokens.refused(person)
            answer = self._send(method, path, person, given)
        return answer

    def _send(self, method: str, path: str, person: str, given: Mapping[str, Any]) -> requests.Response:
        headers = {**given.get("headers", {}), "Authorization": f"Bearer {self.tokens.of(person)}"}
        return super().send(method, path, **{**given, "headers": headers})


def token_url(kind: str, secret: Mapping[str, str]) -> str:
    """Return where a kind of destination gets its tokens.

    Raises:
        ConfigurationError: The tenant could lead elsewhere.
    """
    if kind.startswith(("gmail", "google")):
        return GOOGLE
    tenant = secret.get("tenant", "common")
    if not all(char.isalnum() or char in "-." for char in tenant):
        raise ConfigurationError(
            f"'{tenant}' is not a tenant.", hint="Use the directory's id, or its domain such as acme.com."
        )
    return f"{MICROSOFT}/{tenant}/oauth2/v2.0/token"


def _kind_of(remote: str, secret: Mapping[str, str]) -> str:
    if secret.get("private_key") and secret.get("client_email"):
        return "service_account"
    if all(secret.get(name) for name in ("refresh_token", "client_id", "client_secret")):
        return "refresh_token"
    if all(secret.get(name) for name in ("client_id", "client_secret", "tenant")):
        return "client_credentials"
    if secret.get("access_token"):
        return "access_token"
    raise ConfigurationError(
        f"The credentials of {remote} are incomplete.",
        hint=(
            "Give one of: refresh_token, client_id, client_secret; client_id, client_secret, tenant; "
            "client_email, private_key; access_token. Put them into the connection, or into "
            f"CUSTOMER_HEALTH_SECRET_{remote.upper().replace(' ', '_')} as JSON."
        ),
    )


def _person_in(path: str) -> str:
    return next((part for part in path.split("/") if "@" in part), "")


def _reason(answer: requests.Response) -> str:
    """Return the error code of a token server; its longer text may repeat what we sent."""
    try:
        body = answer.json()
        return str(body.get("error", answer.status_code))[:80] if isinstance(body, dict) else "?"
    except ValueError:
        return str(answer.status_code)
