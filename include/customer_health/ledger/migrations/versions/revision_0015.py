"""A row says whether its facts ask for a review, and how an account in its onboarding compares."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the columns, empty: published days do not know."""
    for table in ("scores", "portfolio_rows"):
        op.add_column(table, sa.Column("review", sa.Boolean))
        op.add_column(table, sa.Column("lifecycle_score", sa.Integer))
    op.add_column("scores", sa.Column("lifecycle", sa.JSON))
    op.execute("UPDATE ledger_version SET version = 15")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
