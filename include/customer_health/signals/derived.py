"""Tables that signals read and no source delivers: small joins of canonical tables.

They have contracts like the canonical ones, so declarations are checked against them in the same
way. `reduction_people.py` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.warehouse.table import Column, Table, Type
from customer_health.warehouse.tables import TABLES

_ACCOUNT = Column(Type.TEXT, "The account.", required=True)
_OCCURRED = Column(Type.TIMESTAMP, "When it happened.", required=True)
_KNOWN = Column(Type.TIMESTAMP, "When all of its parts were known.", required=True)

EXEC_ACTIVITY = Table(
    name="exec_activity",
    doc="One executive and one day on which they logged in, replied, called or met us.",
    key=("contact_id", "occurred_at"),
    columns={
        "contact_id": Column(Type.TEXT, "The executive."),
        "account_id": _ACCOUNT,
        "occurred_at": _OCCURRED,
        "known_at": _KNOWN,
    },
)

CONTACT_BOOK = Table(
    name="contact_book",
    doc="A contact, and the moments at which we learned what matters about them.",
    key=("contact_id",),
    columns={
        "contact_id": Column(Type.TEXT, "The contact."),
        "account_id": _ACCOUNT,
        "left_at": Column(Type.TIMESTAMP, "When we knew that they had left.", lifecycle=True),
        "titled_at": Column(Type.TIMESTAMP, "When we first knew a title of theirs.", lifecycle=True),
        "executive_at": Column(
            Type.TIMESTAMP, "When we first knew that they are an executive.", lifecycle=True
        ),
        "occurred_at": _OCCURRED,
        "known_at": _KNOWN,
    },
)

DEPARTURES = Table(
    name="departures",
    doc="A contact gave up a known role: left, or took another one; `role` is the one they had.",
    key=("change_id",),
    columns={
        "change_id": Column(Type.TEXT, "The change."),
        "account_id": _ACCOUNT,
        "role": Column(
            Type.TEXT, "Role they had.", allowed=("champion", "sponsor", "admin", "user", "other")
        ),
        "occurred_at": _OCCURRED,
        "known_at": _KNOWN,
    },
)

DERIVED: Mapping[str, Table] = {t.name: t for t in (EXEC_ACTIVITY, CONTACT_BOOK, DEPARTURES)}

# What must have rows before the absence of a derived row says anything.
EVIDENCE: Mapping[str, str] = {
    "exec_activity": "contact_book",
    "departures": "contact_changes",
}

# Raw tables that a derived table is made from; executives' logins come from the kept usage.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "exec_activity": ("interactions", "contacts", "contact_changes"),
    "contact_book": ("contacts", "contact_changes"),
    "departures": ("contacts", "contact_changes"),
}

# `crm_snapshot` has no past, so nothing may be learned from it; outcomes are what we predict.
FORBIDDEN = ("crm_snapshot", "outcomes", "crm_tasks", "calendar")

READABLE: Mapping[str, Table] = {
    **{name: table for name, table in TABLES.items() if name not in FORBIDDEN},
    **DERIVED,
}
