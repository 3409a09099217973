"""Whom we know at each account, as of the newest day: a table of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table, empty: the next run of the playbooks fills it."""
    op.create_table(
        "people_graphs",
        sa.Column("account_id", sa.String(255), primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("graph", sa.JSON, nullable=False),
    )
    op.execute("UPDATE ledger_version SET version = 16")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
