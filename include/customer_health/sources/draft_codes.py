"""Numbers that tools write for states and priorities: read where the tool is known, asked about elsewhere.

The numbers are Freshdesk's (API v2, Tickets): custom states have others, which only the company knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from customer_health.sources.draft_look import Look
from customer_health.sources.draft_words import plain

_FRESHDESK: Mapping[str, Mapping[str, str]] = {
    "status": {"2": "open", "3": "pending", "4": "solved", "5": "closed"},
    "priority": {"1": "low", "2": "normal", "3": "high", "4": "critical"},
}
_ITS_COLUMNS = frozenset(
    {
        "fr_escalated", "fr_due_by", "nr_escalated", "nr_due_by", "email_config_id", "fwd_emails",
        "reply_cc_emails", "ticket_cc_emails", "responder_id",
    }
)  # fmt: skip


def codes_of(column: str, look: Look) -> Mapping[str, str]:
    """Return what the numbers of a canonical column mean, if the file tells whose they are."""
    columns = {plain(name) for name in look.samples}
    known = "freshdesk" in plain(look.name) or len(columns & _ITS_COLUMNS) >= 2
    return _FRESHDESK.get(column, {}) if known else {}


def question(column: str, values: Iterable[str]) -> str:
    """Return what to ask about numbers that nobody explains; empty where there are none."""
    told, meaning = list(values), _FRESHDESK.get(column, {})
    if not told or not meaning or not all(value.isdigit() for value in told):
        return ""
    line = ", ".join(f'"{value}": {meaning[value]}' for value in sorted(told) if value in meaning)
    if not line:
        return ""
    if column == "priority":
        return f"; 4 is the most urgent in Freshdesk ({{{line}}}), elsewhere it is 1"
    return f"; if they are Freshdesk's: {{{line}}}"
