"""How far each source has been asked, and what its readings brought."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, String, Table

from customer_health.ledger.schema_base import metadata

# How far a vendor has been read; saved after the files that it stands for.
source_cursors = Table(
    "source_cursors",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("resource", String(255), primary_key=True),
    Column("cursor", JSON, nullable=False),
    Column("as_of", Date, nullable=False),
)

# What the last reading of a day brought: asked, read, new, changed, deleted, lag, calls; and, under
# `means.<canonical table>` in place of a resource, what loading it did.
source_readings = Table(
    "source_readings",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("resource", String(255), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("counts", JSON, nullable=False),
)
