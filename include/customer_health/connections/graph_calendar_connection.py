"""Outlook calendar (Microsoft Graph): its options, its credentials, what it can do."""

from __future__ import annotations

from customer_health.connections.connection_options import Options
from customer_health.connections.kind import Kind
from customer_health.connections.mailbox_connection import MICROSOFT_KEYS


class GraphCalendarOptions(Options):
    """Tentative entries in the owner's Outlook calendar."""


KIND = Kind(
    name="graph_calendar",
    title="Outlook calendar (Microsoft Graph)",
    options=GraphCalendarOptions,
    opens="customer_health.destinations.mailbox.calendars:open_graph_calendar",
    verbs=("propose_meeting",),
    after_lost_answer="the entry's transactionId is made of the key: the same promise is one entry",
    needs="Calendars.ReadWrite",
    keys=MICROSOFT_KEYS,
    places={"password": "access_token"},
)
