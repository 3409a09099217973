"""The ledger as files, one of JSON lines per table, the same from SQLite and from PostgreSQL.

A back-up of one engine restores into the other, and into a newer schema: versions add tables and nullable
columns only (ledger/schema.py), so rows of an older one lack columns and nothing else.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Date, Engine, Table, func, insert, select, text

from customer_health.errors import ConfigurationError
from customer_health.ledger import schema
from customer_health.ledger.engine import refuse_newer, writing
from customer_health.ledger.outbox.transitions import OPEN_STATES, distrust_open
from customer_health.ledger.portfolio_summary import fill_missing

_BATCH = 2_000
_REVISION = "revision"


def dump_ledger(engine: Engine, folder: Path) -> dict[str, int]:
    """Write every table into `folder` as it was at one moment; return its number of rows by table."""
    counts = {}
    (folder / _REVISION).write_text(schema.REVISION, encoding="utf-8")
    with _snapshot(engine) as connection:
        for table in _tables():
            query = select(table).order_by(*table.primary_key.columns)
            rows = connection.execution_options(yield_per=_BATCH).execute(query).mappings()
            with gzip.open(folder / f"{table.name}.jsonl.gz", "wt", encoding="utf-8") as out:
                counts[table.name] = 0
                for row in rows:
                    out.write(json.dumps(dict(row), default=_spelt, ensure_ascii=False) + "\n")
                    counts[table.name] += 1
    return counts


def load_ledger(engine: Engine, folder: Path) -> dict[str, int]:
    """Fill an empty ledger from files, in one transaction; return its number of rows by table.

    What was open when the files were written may have been sent since. It becomes `unknown`, so that every
    destination is asked before anything is sent again.

    Raises:
        ConfigurationError: The ledger is not empty, or a newer version wrote the files.
    """
    refuse_newer((folder / _REVISION).read_text(encoding="utf-8"))
    tables = _tables()
    counts = {}
    with writing(engine) as connection:
        for table in tables:
            if connection.execute(select(func.count()).select_from(table)).scalar_one():
                raise ConfigurationError(
                    f"The ledger is not empty: {table.name} has rows.",
                    hint="Restore into a new ledger: another file, or another database, in "
                    "CUSTOMER_HEALTH_LEDGER_URL.",
                )
        for table in tables:
            counts[table.name] = _fill(connection, table, folder)
        fill_missing(connection)
        distrust_open(connection, OPEN_STATES)
    return counts


def _tables() -> list[Table]:
    """Return the tables that hold something; parents come before what refers to them."""
    own = (schema.alembic_version, schema.ledger_version)
    return [table for table in schema.metadata.sorted_tables if table not in own]


def _fill(connection: Connection, table: Table, folder: Path) -> int:
    count, batch = 0, list[dict[str, Any]]()
    for row in _rows(folder, table):
        batch.append(row)
        if len(batch) == _BATCH:
            connection.execute(insert(table), batch)
            count, batch = count + len(batch), []
    if batch:
        connection.execute(insert(table), batch)
    number = table.autoincrement_column
    if number is not None and connection.dialect.name == "postgresql":
        # Rows that bring their number leave the sequence where it was; the next row would collide.
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{number.name}'), "
                f"(SELECT coalesce(max({number.name}), 0) + 1 FROM {table.name}), false)"
            )
        )
    return count + len(batch)


def _rows(folder: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table; a column that its file does not know is NULL."""
    path = folder / f"{table.name}.jsonl.gz"
    if not path.exists():  # a table that a later version has added
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield {column.name: _read(column.type, row.get(column.name)) for column in table.columns}


def _spelt(value: Any) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    raise TypeError(f"{type(value)} has no spelling in a back-up")


def _read(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, schema.UtcDateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(kind, Date) else value


def _snapshot(engine: Engine) -> Connection:
    """Return a connection whose reads all see one moment."""
    options: Mapping[str, Any] = (
        {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    )
    return engine.connect().execution_options(**options)
