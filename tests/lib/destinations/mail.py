"""Mailboxes and calendars: Google, Microsoft, and any server that speaks SMTP."""

from __future__ import annotations

from customer_health.connections.connection_options import Secret
from customer_health.connections.mailbox_connection import MailboxOptions
from customer_health.connections.smtp_connection import SmtpOptions
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations.mailbox.calendars import GoogleCalendarDestination, GraphCalendarDestination
from customer_health.destinations.mailbox.mail_drafts import (
    GmailDestination,
    GraphDestination,
    SmtpDestination,
)
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.base import Server
from tests.lib.servers.calendars import GoogleCalendars, GraphCalendars
from tests.lib.servers.mail import GmailMailbox, GraphMailbox, MailServer


def gmail(timeout: float = 2.0) -> Rig:
    """Drafts in Gmail."""
    return _mailbox(GmailMailbox(), GmailDestination, timeout)


def graph(timeout: float = 2.0) -> Rig:
    """Drafts in Outlook."""
    return _mailbox(GraphMailbox(), GraphDestination, timeout)


def smtp(timeout: float = 2.0) -> Rig:
    """Drafts to their owner by a mail server."""
    server = MailServer()
    destination = SmtpDestination(
        "email", SmtpOptions(), Secret(), no_pace(), open_line=lambda: server.line(timeout)
    )
    return Rig(destination, server, ("draft_email", "send_digest"), ())


def google_calendar(timeout: float = 2.0) -> Rig:
    """Tentative entries in Google calendars."""
    server = GoogleCalendars()
    return Rig(
        GoogleCalendarDestination("calendar", _authorised(server, timeout)),
        server,
        ("propose_meeting",),
        ("propose_meeting",),
        reads=1,
    )


def graph_calendar(timeout: float = 2.0) -> Rig:
    """Tentative entries in Outlook."""
    server = GraphCalendars()
    return Rig(
        GraphCalendarDestination("calendar", _authorised(server, timeout)),
        server,
        ("propose_meeting",),
        ("propose_meeting",),
        reads=1,
    )


def _authorised(server: Server, timeout: float) -> HttpClient:
    return HttpClient(
        "The mailbox",
        "https://mail.example.com",
        session=server.session(timeout),
        pace=no_pace(),
        headers={"Authorization": "Bearer key-1"},
    )


def _mailbox(server: Server, kind: type[GmailDestination] | type[GraphDestination], timeout: float) -> Rig:
    wire = _authorised(server, timeout)
    return Rig(kind("email", wire, MailboxOptions()), server, ("draft_email",), ("draft_email",))
