"""A webhook's receiver, which takes every verb."""

from __future__ import annotations

from customer_health.connections.connection_options import Secret
from customer_health.connections.kind import EVERY_VERB
from customer_health.connections.webhook_connection import WebhookOptions
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations.http.webhook import WebhookDestination
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.mail import SIGNING_KEY, WebhookReceiver


def webhook(timeout: float = 2.0) -> Rig:
    """A webhook's receiver."""
    receiver = WebhookReceiver()
    options = WebhookOptions(url="https://hooks.example.com/chs", hosts=("hooks.example.com",))
    wire = HttpClient(
        "The webhook's receiver",
        "https://hooks.example.com",
        session=receiver.session(timeout),
        pace=no_pace(),
    )
    destination = WebhookDestination("crm", wire, options, Secret({"signing_key": SIGNING_KEY}))
    return Rig(destination, receiver, EVERY_VERB, ())
