"""What people say a renewal will bring has a table of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "renewal_calls",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(255)),
        sa.Column("quarter", sa.String(16), nullable=False),
        sa.Column("renewal_date", sa.Date),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("retained_arr", sa.Float, nullable=False),
        sa.Column("arr", sa.Float),
        sa.Column("currency", sa.String(3)),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.CheckConstraint("kind IN ('csm', 'final')", name="renewal_call_kind"),
    )
    op.create_index("renewal_calls_by_quarter", "renewal_calls", ["quarter", "at"])
    op.create_index("renewal_calls_by_account", "renewal_calls", ["account_id", "at"])
    op.execute("UPDATE ledger_version SET version = 10")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
