"""Keys of settled effects outlive their rows: a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the table, empty: the next night's `retain` fills it."""
    op.create_table(
        "retired_effects",
        sa.Column("key", sa.String(36), primary_key=True),
        sa.Column("account_id", sa.String(255), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("remote_id", sa.Text),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE ledger_version SET version = 18")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
