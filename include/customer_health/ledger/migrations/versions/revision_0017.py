"""An account's last owner is found by address without reading every account."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Write the addresses in small letters, and index them."""
    op.execute(
        "UPDATE account_owners SET owner_email = lower(owner_email), manager_email = lower(manager_email)"
    )
    op.create_index("account_owners_by_owner", "account_owners", ["owner_email"])
    op.create_index("account_owners_by_manager", "account_owners", ["manager_email"])
    op.execute("UPDATE ledger_version SET version = 17")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
