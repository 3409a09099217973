"""A private key is read however a form or a JSON file has folded it."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from customer_health.errors import ConfigurationError
from customer_health.sources.asking.sign_in import TokenAuth, whole_lines
from customer_health.sources.asking.vendor_access import Auth

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


def assertion(private_key: str) -> str:
    sent: list[dict[str, str]] = []
    auth = Auth(
        type="token",
        grant="jwt_bearer",
        access_token_url="https://login.salesforce.com/services/oauth2/token",
        client_id="our-app",
        subject="robot@acme.com",
        audience="https://login.salesforce.com",
        private_key=private_key,
    )

    def fetch(url: str, form: dict[str, str]) -> dict[str, str]:
        sent.append(form)
        return {"access_token": "t"}

    TokenAuth(auth, fetch, now=lambda: 1_780_000_000.0).renew()
    return sent[0]["assertion"]


@pytest.mark.parametrize(
    "folded",
    [PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", ""), PEM.replace("\n", " "), "  " + PEM + "\n\n"],
    ids=["as it is", "as JSON writes it", "as a form drops lines", "as a form joins lines", "with space"],
)
def test_a_key_signs_however_its_lines_were_folded(folded: str) -> None:
    claims = jwt.decode(
        assertion(folded),
        KEY.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert (claims["iss"], claims["sub"]) == ("our-app", "robot@acme.com")
    assert claims["exp"] - claims["iat"] == 300


def test_what_is_not_a_key_is_refused_and_not_repeated() -> None:
    assert whole_lines("not a key") == "not a key"
    with pytest.raises(ConfigurationError) as caught:
        assertion("hunter2-not-a-key")
    assert "hunter2" not in str(caught.value)
