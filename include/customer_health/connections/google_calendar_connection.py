"""Google Calendar: its options, its credentials, what it can do."""

from __future__ import annotations

from customer_health.connections.connection_options import Options
from customer_health.connections.kind import Kind
from customer_health.connections.mailbox_connection import GOOGLE_KEYS


class GoogleCalendarOptions(Options):
    """Tentative entries in the owner's Google Calendar."""


KIND = Kind(
    name="google_calendar",
    title="Google Calendar",
    options=GoogleCalendarOptions,
    opens="customer_health.destinations.mailbox.calendars:open_google_calendar",
    verbs=("propose_meeting",),
    after_lost_answer="the entry's id is made of the key: the same promise is one entry",
    needs="calendar.events and calendar.freebusy",
    keys=GOOGLE_KEYS,
    places={"password": "access_token"},
)
