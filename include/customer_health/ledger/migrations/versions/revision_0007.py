"""Any ledger of schema versions 1 to 7 as version 7 had it.

Those versions added tables, nullable columns and indexes, and each opened ledger got what it lacked; so does
this revision, whatever state it finds.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from customer_health.ledger.migrations.schema_v7 import metadata

revision = "0007"
down_revision = None


def upgrade() -> None:
    """Add what is missing."""
    connection = op.get_bind()
    found = sa.inspect(connection)
    known = set(found.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in known:
            table.create(connection)
            continue
        has = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in has:
                op.add_column(table.name, sa.Column(column.name, column.type, nullable=True))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    if connection.dialect.name == "postgresql":
        op.alter_column("outbox", "state", type_=sa.String(32), existing_nullable=False)
    # Its place was taken by outbox_turn, which a planner that may choose would leave for this one.
    op.execute("DROP INDEX IF EXISTS outbox_due")


def downgrade() -> None:
    """There is no way back: restore the copy of before the upgrade."""
    raise NotImplementedError(downgrade.__doc__)
