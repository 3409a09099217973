"""What people say a renewal will bring. Append-only: a later call corrects an earlier one, which stays."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Float, Index, Integer, String, Table, Text

from customer_health.ledger.schema_base import UtcDateTime, metadata

renewal_calls = Table(
    "renewal_calls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(255)),  # empty: the call is about the whole quarter
    Column("quarter", String(16), nullable=False),  # 2027-Q1, as kpis/renewals/quarters.py writes it
    Column("renewal_date", Date),  # of the account, as it was when the call was made
    Column("kind", String(16), nullable=False),  # csm | final
    Column("retained_arr", Float, nullable=False),  # ARR after the decision, a year
    Column("arr", Float),  # ARR up for renewal when the call was made
    Column("currency", String(3)),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("kind IN ('csm', 'final')", name="renewal_call_kind"),
    Index("renewal_calls_by_quarter", "quarter", "at"),
    Index("renewal_calls_by_account", "account_id", "at"),
)
