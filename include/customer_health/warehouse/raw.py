"""The tables that ingestion fills and the gate reads: raw.*, quarantine.rows and ops.*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from customer_health.warehouse.contracts import PROVENANCE, ddl, identifier
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

_HOUSEKEEPING = (
    """CREATE TABLE IF NOT EXISTS quarantine.rows (
        table_name VARCHAR, source VARCHAR, file VARCHAR, row_number BIGINT, column_name VARCHAR,
        value VARCHAR, reason VARCHAR, remedy VARCHAR, record VARCHAR, load_id VARCHAR)""",
    # One row per file and canonical table that it fed: what was loaded, and how it was read.
    """CREATE TABLE IF NOT EXISTS ops.files (
        source VARCHAR, file VARCHAR, table_name VARCHAR, size BIGINT, modified VARCHAR, sha256 VARCHAR,
        recipe VARCHAR, encoding VARCHAR, repeats VARCHAR, rows BIGINT, rejected BIGINT, load_id VARCHAR)""",
    # One row per file and table of each load; `gated` is set by the gate that has seen it.
    """CREATE TABLE IF NOT EXISTS ops.loads (
        load_id VARCHAR, as_of DATE, source VARCHAR, table_name VARCHAR, file VARCHAR, rows BIGINT,
        route VARCHAR, gated BOOLEAN)""",
    """CREATE TABLE IF NOT EXISTS ops.gate (
        as_of DATE, table_name VARCHAR, measure VARCHAR, value DOUBLE, shown VARCHAR)""",
    """CREATE TABLE IF NOT EXISTS ops.freshness (
        as_of DATE, table_name VARCHAR, newest TIMESTAMP, days_old DOUBLE, rows BIGINT)""",
    "CREATE TABLE IF NOT EXISTS ops.company (name VARCHAR)",
    # What lookups over several files knew when they were last read: digest of the records that have moved.
    """CREATE TABLE IF NOT EXISTS ops.lookups (
        source VARCHAR, place VARCHAR, key VARCHAR, value VARCHAR, state VARCHAR, moved VARCHAR)""",
    # Ids of events that a file brought first; the same event in another file is not counted again.
    "CREATE TABLE IF NOT EXISTS ops.events (source VARCHAR, table_name VARCHAR, file VARCHAR, key UHUGEINT)",
    # Where a file stands among those of its feed (a pattern): the newest has the greatest place.
    "ALTER TABLE ops.files ADD COLUMN IF NOT EXISTS place VARCHAR",
    "ALTER TABLE ops.files ADD COLUMN IF NOT EXISTS feed VARCHAR",
    # Records that a file says are no longer there, by the id of their table.
    "CREATE TABLE IF NOT EXISTS ops.gone (source VARCHAR, table_name VARCHAR, file VARCHAR, key VARCHAR)",
)


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing; columns that a newer contract added are added empty."""
    for statement in _HOUSEKEEPING:
        con.execute(statement)
    for table in TABLES.values():
        con.execute(ddl(table))
        for name, column in table.columns.items():
            added = f"{identifier(name)} {column.type.value}"
            con.execute(f"ALTER TABLE raw.{table.name} ADD COLUMN IF NOT EXISTS {added}")


def next_load_id(con: duckdb.DuckDBPyConnection) -> str:
    """Return a load's identity that nobody else gets, whatever runs beside it; later ones sort later.

    A sequence hands out its numbers outside of transactions: two loads that begin together differ, and a
    number that was rolled back is not used again.
    """
    newest = scalar(con, "SELECT max(CAST(substr(load_id, 6) AS BIGINT)) FROM ops.loads") or 0
    con.execute(f"CREATE SEQUENCE IF NOT EXISTS ops.load_numbers START {int(newest) + 1}")
    number = scalar(con, "SELECT nextval('ops.load_numbers')")
    return f"load-{number:06d}"


def has_table(con: duckdb.DuckDBPyConnection, name: str, schema: str | None = None) -> bool:
    """Whether the warehouse holds a table of this name: an earlier version, or no run yet, has none.

    Args:
        con: The warehouse.
        name: Of the table.
        schema: Where it must lie; anywhere, if left out.
    """
    query = (
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ? AND schema_name = coalesce(?, schema_name)"
    )
    return bool(scalar(con, query, [name, schema]))


def columns_of(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Return the columns that raw.<table> really has, with their types; empty if it does not exist."""
    rows = con.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'raw' AND table_name = ? ORDER BY ordinal_position",
        [table.name],
    ).fetchall()
    return dict(rows)


def column_list(table: Table) -> str:
    """Return the table's columns, contract first and provenance after, for an INSERT."""
    return ", ".join([*(identifier(name) for name in table.columns), *PROVENANCE])


def first(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()
) -> tuple[Any, ...] | None:
    """Return the first row of a query, or None.

    Reads the result to its end: the engine refuses other work while half a result is pending.
    """
    rows = con.execute(query, list(parameters)).fetchall()
    return rows[0] if rows else None


def scalar(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> Any:
    """Return the first column of the first row of a query, or None."""
    row = first(con, query, parameters)
    return row[0] if row else None
