"""The ledger's tables about its own upkeep."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, String, Table, Text

from customer_health.ledger.schema_base import UtcDateTime, metadata

# What was erased on request, and is kept out from then on. The ids themselves are not here: only what tells,
# with the salt, whether an id that comes back is one of them. A member was a person of an erased account:
# nobody is kept out for that, but an erasure of the person finds by it which ids are theirs.
erasures = Table(
    "erasures",
    metadata,
    Column("receipt_id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # account | person | member
    Column("salt", String(64), nullable=False),
    Column("digests", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("counts", JSON, nullable=False),  # rows and files by place
    Column("outside", JSON, nullable=False),  # what destinations hold: destination, verb, remote id, when
)

# Effects whose outbox rows were let go (outbox/retired.py). The key forbids a second sending for ever; the
# rest is what an erasure names at the destination.
retired_effects = Table(
    "retired_effects",
    metadata,
    Column("key", String(36), primary_key=True),
    Column("account_id", String(255), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("destination", String(64), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("remote_id", Text),
    sqlite_with_rowid=False,
)
