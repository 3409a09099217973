"""What models answered about texts, and what that costs."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, Float, Integer, String, Table

from customer_health.ledger.schema_base import UtcDateTime, metadata

# What a model answered, by the hash of everything that it was asked: nobody pays twice for one question.
text_answers = Table(
    "text_answers",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),  # read | why | explain
    Column("provider", String(16), nullable=False),
    Column("model", String(128), nullable=False),
    Column("prompt", String(32), nullable=False),  # version of the instructions
    Column(
        "content_hash", String(64), nullable=False, index=True
    ),  # of the text or the facts; never the words
    Column("answer", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# What may have been spent: an amount is reserved before a request goes out, and corrected when it came back.
text_spending = Table(
    "text_spending",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("week", Date, nullable=False, index=True),  # its Monday
    Column("provider", String(16), nullable=False),
    Column("model", String(128), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("reserved", Float, nullable=False),
    Column("spent", Float),  # empty: no answer came, so that the reserved amount counts
    Column("at", UtcDateTime, nullable=False),
)

# Jobs at a vendor's batch price; `batch_id` is ours until the vendor has given one.
text_batches = Table(
    "text_batches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("provider", String(16), nullable=False),
    Column("remote_id", String(128)),
    Column("state", String(16), nullable=False),  # submitting | running | done | lost
    Column("hashes", JSON, nullable=False),
    Column("spending_id", Integer, nullable=False),
    Column("submitted_at", UtcDateTime, nullable=False),
)
