"""A webhook: its options, its credentials, what it can do."""

from __future__ import annotations

from typing import Annotated

from customer_health.connections.connection_options import Host, Options
from customer_health.connections.kind import EVERY_VERB, Kind
from customer_health.sections import shaped


class WebhookOptions(Options):
    """A receiver of signed JSON. Its host must be listed; it must drop keys that it has seen."""

    url: Annotated[str, shaped(r"(https://[^\s@]+)?", "an https address without a user in it")] = ""
    hosts: tuple[Host, ...] = ()


KIND = Kind(
    name="webhook",
    title="A webhook",
    options=WebhookOptions,
    opens="customer_health.destinations.http.webhook:open_webhook",
    verbs=EVERY_VERB,
    after_lost_answer="sent again; the receiver drops an `Idempotency-Key` that it has seen",
    needs="a listed host, a signing key",
    keys=(("signing_key",),),
    places={"password": "signing_key"},
)
