"""What Google's services share: tokens for a service account that acts for one mailbox at a time."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, VendorServer

PEOPLE = "cara@ours.com, max@ours.com"


@cache
def keys() -> tuple[str, str]:
    """Return the private and the public key of the service account, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class GoogleServer(VendorServer):
    """Gives out a token for one mailbox; a token of another mailbox opens nothing.

    Attributes:
        scope: What a token must have been asked for.
        owners: Token -> mailbox.
    """

    scope = ""
    renews = True
    options = {"client_email": "bot@ours.iam.gserviceaccount.com", "mailboxes": PEOPLE}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.secret = {"private_key": keys()[0]}
        self.owners: dict[str, str] = {}

    def expired(self) -> Answer:
        self.owners.clear()
        return Answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})

    def token(self, request: Request) -> Answer:
        """Judge an assertion."""
        form = dict(parse_qsl(request.raw.decode()))
        audience = "https://oauth2.googleapis.com/token"
        try:
            claims = jwt.decode(form["assertion"], keys()[1], algorithms=["RS256"], audience=audience)
        except (jwt.InvalidTokenError, KeyError):
            return Answer(400, {"error": "invalid_grant"})
        if claims.get("scope") != self.scope or claims.get("sub") not in PEOPLE.split(", "):
            return Answer(401, {"error": "unauthorized_client"})
        token = f"google-token-{len(self.tokens)}"
        self.tokens.add(token)
        self.owners[token] = claims["sub"]
        return Answer(body={"access_token": token, "expires_in": 3599})

    def owner(self, request: Request, whose: str) -> None:
        """Refuse a request whose token is not the mailbox's."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.owners:
            raise RefusedError(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        if self.owners[token] != whose:
            raise RefusedError(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}})
