"""How Alembic reaches the ledger: over the connection of ledger/upgrade.py, in its transaction."""

from __future__ import annotations

from alembic import context

from customer_health.errors import ConfigurationError
from customer_health.ledger import schema

connection = context.config.attributes.get("connection")
if connection is None:
    raise ConfigurationError(
        "The ledger is not upgraded by Alembic's own command.",
        hint="Run `python -m customer_health ledger upgrade`; it locks the ledger and can be rehearsed.",
    )
# SQLite cannot change a column or a constraint in place: batch mode makes the table anew.
context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
