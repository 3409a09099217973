"""A score remembers the band that it is held in, so that an episode ends only when a rise has lasted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; days of before hold nothing there."""
    op.add_column("scores", sa.Column("held_band", sa.String(32)))
    op.execute("UPDATE ledger_version SET version = 9")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
