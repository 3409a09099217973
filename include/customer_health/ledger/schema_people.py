"""People: whom we know at an account, a lead's override of its score, and a CSM's pulse."""

from __future__ import annotations

from sqlalchemy import JSON, CheckConstraint, Column, Date, Index, Integer, String, Table, Text

from customer_health.ledger.schema_base import UtcDateTime, metadata

# What a lead says of an account, beside the score and never in its place; append-only but for its end.
overrides = Table(
    "overrides",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(255), nullable=False),
    Column("tier", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("model_score", Integer),  # what was published when it was set: the labelled disagreement
    Column("model_tier", String(32)),
    Column("model_id", String(128)),
    Column("model_as_of", Date),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text),
    Column("end_reason", Text),
    Index("overrides_by_account", "account_id", "at"),
)

# What the CSM feels about an account, from 1 (we will lose them) to 5 (they love us); append-only.
pulses = Table(
    "pulses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(255), nullable=False),
    Column("pulse", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("pulse BETWEEN 1 AND 5", name="pulse_range"),
    Index("pulses_by_account", "account_id", "at"),
)

# Whom we know at each account, as of the newest day only: it is read, and nothing is decided from it.
people_graphs = Table(
    "people_graphs",
    metadata,
    Column("account_id", String(255), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("graph", JSON, nullable=False),  # playbooks/champion_graph.py
)
