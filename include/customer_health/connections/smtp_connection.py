"""A mail server: its options, its credentials, what it can do."""

from __future__ import annotations

from pydantic import Field

from customer_health.connections.connection_options import Host
from customer_health.connections.kind import Kind
from customer_health.connections.mailbox_connection import MailboxOptions


class SmtpOptions(MailboxOptions):
    """Drafts that a mail server sends to the account's owner."""

    host: Host = "smtp.example.com"
    port: int = Field(587, ge=1, le=65535)


KIND = Kind(
    name="smtp",
    title="A mail server (SMTP)",
    options=SmtpOptions,
    opens="customer_health.destinations.mailbox.mail_drafts:open_smtp",
    verbs=("draft_email", "send_digest"),
    after_lost_answer="waits for a person: a mail server cannot be asked",
    needs="a relay or a login",
    keys=(("username", "password"), ()),
    places={"login": "username", "password": "password"},
)
