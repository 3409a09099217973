"""A score keeps what the account's own words state; each account's last owner is known without its scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the column, empty, and the table, filled from each account's newest published day."""
    op.add_column("scores", sa.Column("topics", sa.JSON))
    op.create_table(
        "account_owners",
        sa.Column("account_id", sa.String(255), primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("owner_email", sa.Text),
        sa.Column("manager_email", sa.Text),
    )
    op.execute(
        "INSERT INTO account_owners (account_id, as_of, owner_email, manager_email) "
        "SELECT p.account_id, p.as_of, p.owner_email, p.manager_email FROM portfolio_rows p "
        "JOIN (SELECT account_id, max(as_of) AS as_of FROM portfolio_rows GROUP BY account_id) newest "
        "ON newest.account_id = p.account_id AND newest.as_of = p.as_of"
    )
    op.execute("UPDATE ledger_version SET version = 14")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
