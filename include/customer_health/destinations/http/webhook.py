"""A webhook: signed JSON to one host that the company file lists.

The receiver must drop keys that it has seen, and we say so in every request: `Idempotency-Key`. With that
a repeat is harmless, and the receiver needs no way to be asked.

The signature is `v1=` and the hex HMAC-SHA256, under the shared secret, of the timestamp header, a full
stop, and the body. The timestamp is the moment of sending: a receiver can refuse old ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from customer_health.connections.webhook_connection import WebhookOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient, PublicOnly
from customer_health.destinations import opening
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings

NAME = "The webhook's receiver"


class WebhookDestination:
    """Posts every effect as JSON.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: Refuses private addresses.
        options: The URL and the hosts that it may name.
        secret: `signing_key`.
        clock: Epoch seconds, for the signature.
    """

    idempotent = True

    def __init__(
        self,
        name: str,
        wire: HttpClient,
        options: WebhookOptions,
        secret: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check(options)
        if len(secret.get("signing_key", "")) < 16:
            raise ConfigurationError(
                "The webhook's signing_key is missing or shorter than 16 characters.",
                hint="Make one: python -c 'import secrets; print(secrets.token_hex())'",
            )
        split = urlsplit(options.url)
        self.name, self.wire = name, wire
        self.path = split.path + (f"?{split.query}" if split.query else "") or "/"
        self._key, self._clock = secret["signing_key"].encode(), clock

    def find(self, effect: Effect) -> str | None:
        """The receiver need not tell: it drops keys that it has seen."""
        return None

    def deliver(self, effect: Effect) -> str:
        """Post one effect and return its key."""
        body = json.dumps(
            {
                "key": effect.key,
                "verb": effect.verb,
                "account_id": effect.account_id,
                "as_of": effect.as_of.isoformat(),
                "playbook": effect.playbook,
                "step": effect.step,
                "episode_id": effect.episode_id,
                "payload": dict(effect.payload),
            },
            ensure_ascii=False,
            allow_nan=False,
            sort_keys=True,
        ).encode("utf-8", "replace")  # half a character in a name must not hold up its effect
        stamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": effect.key,
            "X-Customer-Health-Timestamp": stamp,
            "X-Customer-Health-Signature": signature(self._key, stamp, body),
        }
        answer = self.wire.send("POST", self.path, data=body, headers=headers)
        if not 200 <= answer.status_code < 300:
            raise http_faults.of_status(NAME, answer.status_code, answer.text, answer.headers)
        return effect.key


def signature(key: bytes, stamp: str, body: bytes) -> str:
    """Return what the receiver computes and compares in constant time."""
    return "v1=" + hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def check(options: WebhookOptions) -> None:
    """Refuse a URL that leads anywhere but to a listed host, by https, on its ordinary port.

    Raises:
        ConfigurationError: Saying what is wrong with it.
    """
    split = urlsplit(options.url)
    if split.scheme != "https" or split.username or split.password or split.port not in (None, 443):
        raise ConfigurationError(
            "connections.webhook.url must be https://host/path, without user and port.",
            hint="A secret belongs in the connection, not in the URL.",
        )
    if (split.hostname or "") not in options.hosts:
        raise ConfigurationError(
            f"connections.webhook.hosts does not list {split.hostname}.",
            hint=suggest(str(split.hostname), options.hosts),
        )


def open_webhook(role: str, settings: Settings) -> WebhookDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(WebhookOptions)
    check(options)
    session = opening.session_for(options)
    session.trust_env = False  # a proxy would connect in our place, past the check of the address
    session.mount("https://", PublicOnly())
    base = "https://" + options.url.removeprefix("https://").split("/")[0].split("?")[0]
    wire = HttpClient(NAME, base, session=session, pace=opening.pace_of(options))
    return WebhookDestination(role, wire, options, opening.secret_of("webhook", settings))
