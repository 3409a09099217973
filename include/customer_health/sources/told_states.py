"""A state that a source tells every night began on the night on which it was first told.

An export says "closed" without a day; the day of its load stands in. The next export says so again, and with
no memory the ticket would close anew every night, and a contract end anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

_MEMORY = (
    "CREATE TABLE IF NOT EXISTS ops.told_states "
    "(source VARCHAR, table_name VARCHAR, key VARCHAR, state VARCHAR, since TIMESTAMP)"
)


def settle_states(con: duckdb.DuckDBPyConnection) -> None:
    """Give states without a day of their own the day on which they were first told; twice changes nothing."""
    con.execute(_MEMORY)
    for table in TABLES.values():
        if "status_at" in table.columns:
            _settle(con, table.name, table.key[0], ("status_at",))
    _settle(con, "contracts", "contract_id", ("occurred_at", "known_at"))


def _settle(con: duckdb.DuckDBPyConnection, table: str, key: str, columns: tuple[str, ...]) -> None:
    """Settle one table; `columns` hold the day of the load where the source told none."""
    moment = columns[0]
    # The last second before the day of a row's load: what `moment_before` writes, and no source.
    stood_in = (
        f"FROM raw.{table} t JOIN ops.loads l ON l.load_id = t._load_id AND l.table_name = '{table}' "
        "AND l.source = t._source AND l.file = t._file "
        f"WHERE t.status IS NOT NULL AND t.{moment} = CAST(l.as_of AS TIMESTAMP) - INTERVAL 1 SECOND"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE told AS "
        f"SELECT t._source AS source, t.{key} AS key, t.status AS state, "
        f"t.rowid AS row, t.{moment} AS since {stood_in}"
    )
    changes = ", ".join(f"{column} = m.since" for column in columns)
    con.execute(
        f"UPDATE raw.{table} t SET {changes} FROM told n JOIN ops.told_states m ON m.source = n.source "
        f"AND m.table_name = '{table}' AND m.key = n.key AND m.state = n.state AND m.since < n.since "
        "WHERE t.rowid = n.row"
    )
    newest = (
        "SELECT source, key, arg_max(state, since) AS state, max(since) AS since "
        "FROM told GROUP BY source, key"
    )
    con.execute(
        f"DELETE FROM ops.told_states m USING ({newest}) n WHERE m.table_name = '{table}' "
        "AND m.source = n.source AND m.key = n.key AND m.state <> n.state AND m.since < n.since"
    )
    con.execute(  # a subscription that went on is not remembered as one that once had ended
        f"DELETE FROM ops.told_states m WHERE m.table_name = '{table}' AND NOT EXISTS (SELECT 1 "
        f"FROM raw.{table} t WHERE t._source = m.source AND t.{key} = m.key AND t.status = m.state "
        f"AND t.{moment} = m.since)"
    )
    con.execute(
        f"INSERT INTO ops.told_states SELECT source, '{table}', key, state, since FROM ({newest}) n "
        "WHERE NOT EXISTS (SELECT 1 FROM ops.told_states m "
        f"WHERE m.table_name = '{table}' AND m.source = n.source AND m.key = n.key)"
    )
