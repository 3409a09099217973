"""Gmail: its options, its credentials, what it can do."""

from __future__ import annotations

from customer_health.connections.kind import Kind
from customer_health.connections.mailbox_connection import GOOGLE_KEYS, MailboxOptions


class GmailOptions(MailboxOptions):
    """Drafts in the owner's Gmail."""


KIND = Kind(
    name="gmail",
    title="Gmail",
    options=GmailOptions,
    opens="customer_health.destinations.mailbox.mail_drafts:open_gmail",
    verbs=("draft_email",),
    after_lost_answer="looked up by Message-ID",
    needs="gmail.compose: a token that may write drafts, or a service account that may act for the owners",
    keys=GOOGLE_KEYS,
    places={"password": "access_token"},
)
