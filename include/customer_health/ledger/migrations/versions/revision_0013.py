"""A day keeps the settings that scored it; leads' overrides and CSMs' pulses get tables of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column and the tables, empty."""
    op.add_column("score_runs", sa.Column("config", sa.JSON))
    op.create_table(
        "overrides",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(255), nullable=False),
        sa.Column("tier", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("model_score", sa.Integer),
        sa.Column("model_tier", sa.String(32)),
        sa.Column("model_id", sa.String(128)),
        sa.Column("model_as_of", sa.Date),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("ended_by", sa.Text),
        sa.Column("end_reason", sa.Text),
    )
    op.create_index("overrides_by_account", "overrides", ["account_id", "at"])
    op.create_table(
        "pulses",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(255), nullable=False),
        sa.Column("pulse", sa.Integer, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.CheckConstraint("pulse BETWEEN 1 AND 5", name="pulse_range"),
    )
    op.create_index("pulses_by_account", "pulses", ["account_id", "at"])
    op.execute("UPDATE ledger_version SET version = 13")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
