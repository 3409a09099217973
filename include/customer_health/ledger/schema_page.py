"""What the page reads: each published day once more, narrow and summed up.

A row of `scores` carries reasons, facts and waterfall, several kilobytes; a page that sorts 50,000 accounts
must not read them. Everything here follows from `scores`; ledger/portfolio_summary.py writes it.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Date, Float, Index, Integer, String, Table, Text

from customer_health.ledger.schema_base import metadata

portfolio_rows = Table(
    "portfolio_rows",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("account_id", String(255), primary_key=True),
    Column("name", Text),
    Column("bucket", String(32), nullable=False),  # the tier that people see, else the state: adds up to all
    Column("tier", String(32)),
    Column("band", String(32)),
    Column("state", String(32), nullable=False),
    Column("score", Float),
    Column("score_shown", Integer),
    Column("attention", Boolean),
    Column("review", Boolean),
    Column("lifecycle_score", Integer),
    Column("why", Text),
    Column("fact_codes", Text, nullable=False),  # |sponsor_left|silent_account|, worst first; || for none
    Column("fact_titles", JSON, nullable=False),
    Column("segment", String(64)),
    Column("arr", Float),
    Column("currency", String(3)),
    Column("expected_loss", Float),
    Column("renewal_date", Date),
    Column("owner_email", Text),
    Column("manager_email", Text),
    Column("parent_account_id", String(255)),
    Column("model_id", String(128)),
    Column("meaning", String(32)),
    Index("portfolio_rows_by_account", "account_id", "as_of"),
)

# Who has, or had, each account on its newest published day: an account that left keeps its last owner.
account_owners = Table(
    "account_owners",
    metadata,
    Column("account_id", String(255), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("owner_email", Text),  # addresses in small letters, to be found by
    Column("manager_email", Text),
    Index("account_owners_by_owner", "owner_email"),
    Index("account_owners_by_manager", "manager_email"),
)

portfolio_days = Table(
    "portfolio_days",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("buckets", JSON, nullable=False),  # bucket -> [accounts, ARR, accounts whose ARR is known]
    Column("options", JSON, nullable=False),  # what there is to filter by
    Column("currency", String(3)),  # of most amounts
    Column("meanings", JSON, nullable=False),  # of the day's scores
    Column("compared_with", Date),  # the day that `movers` moved since
    Column("movers", JSON, nullable=False),
)
