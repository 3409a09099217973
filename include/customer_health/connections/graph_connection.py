"""Outlook, by Microsoft Graph: its options, its credentials, what it can do."""

from __future__ import annotations

from customer_health.connections.kind import Kind
from customer_health.connections.mailbox_connection import MICROSOFT_KEYS, MailboxOptions


class GraphOptions(MailboxOptions):
    """Drafts in the owner's Outlook."""


KIND = Kind(
    name="graph",
    title="Outlook (Microsoft Graph)",
    options=GraphOptions,
    opens="customer_health.destinations.mailbox.mail_drafts:open_graph",
    verbs=("draft_email",),
    after_lost_answer="looked up by a property of ours",
    needs="Mail.ReadWrite: a token that may write drafts",
    keys=MICROSOFT_KEYS,
    places={"password": "access_token"},
)
