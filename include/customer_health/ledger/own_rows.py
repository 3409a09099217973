"""The ledger as one person may see it: every table that names accounts, narrowed to that person's own.

Temporary views shadow the tables on each connection: SQLite and PostgreSQL both look there first. So no
query has to remember whom it answers, a new one is narrowed too, and writing through such a ledger fails.
An account is somebody's if the newest day on which it was published says so, which for one that left is its
last; then its whole history is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, event

from customer_health.ledger.engine import open_ledger
from customer_health.ledger.schema import metadata

# Tables that name an account by another column, with what that column is.
_BY_EPISODE = {"episode_events": "episode_id"}
_BY_EFFECT = {"deliveries": "key", "task_states": "effect_key"}
# What says nothing about single accounts.
OPEN = frozenset(
    {
        *("alembic_version", "ledger_version", "score_runs", "champions", "training_runs", "playbook_runs"),
        *("playbooks_known", "kill_switches", "source_cursors", "source_readings", "text_answers"),
        *("text_spending", "text_batches"),
    }
)


def own_ledger(url: str, *, address: str, owners: Iterable[str]) -> Engine:
    """Open the ledger for reading by one person.

    Args:
        url: As for `open_ledger`.
        address: The person's; accounts that name it as manager are shown.
        owners: Owners whose accounts are shown. Both in small letters.
    """
    engine = open_ledger(url)
    engine.dispose()  # its first connection has seen everything
    rows = [("owner", owner) for owner in sorted(set(owners))] + [("manager", address)]

    @event.listens_for(engine, "connect")
    def narrow(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        sqlite = engine.dialect.name == "sqlite"
        schema, mark = ("main", "?") if sqlite else (_schema(cursor), "%s")
        cursor.execute("CREATE TEMP TABLE viewer_addresses (kind VARCHAR(8), address VARCHAR(320))")
        cursor.executemany(f"INSERT INTO viewer_addresses VALUES ({mark}, {mark})", rows)
        for statement in _views(schema):
            cursor.execute(statement)
        cursor.close()
        if not sqlite:
            connection.commit()

    return engine


def _schema(cursor: Any) -> str:
    cursor.execute("SELECT quote_ident(current_schema())")
    return str(cursor.fetchone()[0])


def _views(schema: str) -> Iterable[str]:
    chosen = "SELECT address FROM viewer_addresses WHERE address <> '' AND kind ="
    yield (
        f"CREATE TEMP VIEW viewer_accounts AS SELECT account_id FROM {schema}.account_owners "
        f"WHERE owner_email IN ({chosen} 'owner') OR manager_email IN ({chosen} 'manager')"
    )
    own = "account_id IN (SELECT account_id FROM viewer_accounts)"
    for table in metadata.sorted_tables:
        name = table.name
        if name in OPEN:
            continue
        if "account_id" in table.columns:
            which = own
        elif name in _BY_EPISODE:
            which = f"{_BY_EPISODE[name]} IN (SELECT episode_id FROM {schema}.episodes WHERE {own})"
        elif name in _BY_EFFECT:
            which = f'{_BY_EFFECT[name]} IN (SELECT "key" FROM {schema}.outbox WHERE {own})'
        else:
            which = "1 = 0"  # sums over the whole company, and whatever a later version adds
        yield f"CREATE TEMP VIEW {name} AS SELECT * FROM {schema}.{name} WHERE {which}"
