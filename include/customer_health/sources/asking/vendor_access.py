"""The vendor file's words for getting in: what the connection gives, how we sign in, what is allowed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from customer_health.sources.rule_parts import Part


class Need(Part):
    """One thing that the connection must give.

    Attributes:
        about: What it is and where the user finds it.
        secret: Masked in logs; an address or a user name is not.
        default: Taken if nothing is given.
        at_least: Oldest version that is asked here, for a version of an API; doctor compares.
    """

    about: str
    secret: bool = True
    default: str | None = None
    at_least: str = ""


def _need(value: Any) -> Any:
    return {"about": value} if isinstance(value, str) else value


Needed = Annotated[Need, BeforeValidator(_need)]  # one sentence alone is what it is about


class Limits(Part):
    """What the vendor allows, kept by our session; dlt has no rate limiter.

    Attributes:
        per_second, per_minute, per_hour: Calls at most.
        left_header: Answer header with the calls that are left.
        reset_header: Answer header with the unix time at which calls are allowed again.
        says: Words in a 403 that mean "too many calls", for vendors that do not answer 429.
    """

    per_second: float | None = Field(None, gt=0)
    per_minute: float | None = Field(None, gt=0)
    per_hour: float | None = Field(None, gt=0)
    left_header: str = ""
    reset_header: str = ""
    says: tuple[str, ...] = ()


class Ends(Part):
    """Something of the API that ends; doctor reports it from half a year before.

    Attributes:
        used: Whether this file depends on it. What it has left behind already is told in the documents only.
    """

    what: str
    used: bool = True
    on: date
    instead: str

    @field_validator("on", mode="before")
    @classmethod
    def _text_date(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class Auth(Part):
    """How we sign in.

    Attributes:
        type: bearer, basic, header, or token: an OAuth 2 access token that is renewed when it is refused.
        token: For bearer.
        username, password: For basic.
        name, value: For header.
        access_token_url, client_id, client_secret, scope: For token.
        grant: How the token is asked for: client_credentials, jwt_bearer, refresh_token, or a placeholder.
        private_key, subject, audience: For the grant jwt_bearer; `client_id` is the issuer.
    """

    type: Literal["bearer", "basic", "header", "token"]
    token: str = ""
    username: str = ""
    password: str = ""
    name: str = ""
    value: str = ""
    access_token_url: str = ""
    grant: Annotated[str, Field(pattern=r"^(client_credentials|jwt_bearer|refresh_token|\$\{[a-z_]+\})$")] = (
        "client_credentials"
    )
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    private_key: str = ""
    subject: str = ""
    audience: str = ""
    scope: str = ""
