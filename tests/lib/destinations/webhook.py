"""A webhook's receiver, which takes every verb."""

from __future__ import annotations

from customer_health.connections import Secret, WebhookOptions
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations.http.webhook import WebhookDestination
from customer_health.destinations.payload_values import CRM_VERBS
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.mail import SIGNING_KEY, WebhookReceiver

OTHER_VERBS = ("notify", "enroll", "draft_email", "propose_meeting", "reply", "attach_file")


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
    return Rig(destination, receiver, (*OTHER_VERBS, *CRM_VERBS), (), lambda account: None)
