"""Mailboxes in which drafts are put: what Gmail, Outlook and mail servers share."""

from __future__ import annotations

from customer_health.connections.connection_options import Options
from customer_health.sections import Address


class MailboxOptions(Options):
    """Drafts that Gmail or Microsoft Graph puts into the owner's mailbox."""

    sender: Address = "customer-health@example.com"


GOOGLE_KEYS = (
    ("client_email", "private_key"),
    ("refresh_token", "client_id", "client_secret"),
    ("access_token",),
)
MICROSOFT_KEYS = (
    ("client_id", "client_secret", "tenant"),
    ("refresh_token", "client_id", "client_secret"),
    ("access_token",),
)
