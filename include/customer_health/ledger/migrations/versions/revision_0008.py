"""Tables get the names of the modules that own them, and an outbox row can only be in a known state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

RENAMED = {"trainings": "training_runs", "findings": "report_numbers", "switches": "kill_switches"}
# As they were known at this revision.
STATES = (
    *("pending", "claimed", "sending", "unknown", "checking", "delivered", "rejected"),
    *("awaiting_approval", "declined", "expired", "folded", "superseded"),
)


def upgrade() -> None:
    """Rename three tables and constrain one column."""
    for before, after in RENAMED.items():
        op.rename_table(before, after)
    allowed = ", ".join(f"'{state}'" for state in STATES)
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column(
            "state", type_=sa.String(32), existing_nullable=False
        )  # SQLite's of version 1: 16
        outbox.create_check_constraint("outbox_state", f"state IN ({allowed})")
    # Code of before this revision reads its number here, and refuses what is newer.
    op.execute("UPDATE ledger_version SET version = 8")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
