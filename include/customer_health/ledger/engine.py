"""Open the ledger: SQLite by default, PostgreSQL in production; same tables, same guarantees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger import schema

BUSY_SECONDS = 30
_LOCK = 7_310_226  # PostgreSQL advisory lock of schema changes; any constant will do


class LedgerBusyError(RetriableError):
    """Another process holds the ledger's write lock for longer than we wait."""


def open_ledger(url: str) -> Engine:
    """Open the ledger, creating its tables the first time.

    Args:
        url: SQLAlchemy URL: `sqlite:////absolute/path.db`, `postgresql+psycopg://...`. `sqlite://`
            lives in memory and serves a single process.

    Returns:
        An engine. Read with `engine.connect()`, write with `writing(engine)`.

    Raises:
        ConfigurationError: The URL is not understood, or a newer version wrote this ledger.
        LedgerBusyError: Somebody else held the write lock for half a minute.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        engine = _sqlite(url, parsed.database) if backend == "sqlite" else _server(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"The ledger URL is not understood: {error}",
            hint="Write it as sqlite:///path/to/ledger.db or postgresql+psycopg://user@host/database.",
        ) from None
    _ensure_schema(engine)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a write transaction; commit at the end, roll back on any error.

    On SQLite the write lock is taken at once (BEGIN IMMEDIATE): a transaction that reads first and
    asks for the lock later fails with "database is locked", whatever the time-out says.
    """
    with engine.connect().execution_options(ledger_write=True) as connection:
        try:
            with connection.begin():
                yield connection
        except OperationalError as error:
            if "locked" in str(error).lower():
                raise LedgerBusyError(
                    f"The ledger was locked for more than {BUSY_SECONDS} s.",
                    hint="Another run is writing; try again when it has finished.",
                ) from error
            raise


def serialise(connection: Connection, name: str) -> None:
    """Let one transaction at a time through here; SQLite's writers already are."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _sqlite(url: str, database: str | None) -> Engine:
    in_memory = not database or database == ":memory:"
    arguments: dict[str, Any] = {"timeout": BUSY_SECONDS}
    if in_memory:
        engine = create_engine(
            url,
            json_serializer=_json,
            poolclass=StaticPool,
            connect_args={**arguments, "check_same_thread": False},
        )
    else:
        Path(str(database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, json_serializer=_json, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN is deferred and late; ours below says what it wants.
        connection.isolation_level = None
        cursor = connection.cursor()
        if not in_memory:
            cursor.execute("PRAGMA journal_mode=WAL")  # readers see the last commit while we write
        cursor.execute("PRAGMA synchronous=FULL")  # `sending` must survive a power cut: it precedes the call
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        wants_to_write = connection.get_execution_options().get("ledger_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_to_write else "BEGIN")

    return engine


def _server(url: str) -> Engine:
    return create_engine(url, json_serializer=_json, pool_pre_ping=True)


def _found_version(engine: Engine) -> int | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table(schema.version.name):
            return None
        return connection.execute(select(schema.version.c.version)).scalar()


def _ensure_schema(engine: Engine) -> None:
    found = _found_version(engine)
    if found is None:
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            schema.metadata.create_all(connection)  # leaves alone what another process has just created
            if connection.execute(select(schema.version.c.version)).scalar() is None:
                connection.execute(schema.version.insert().values(version=schema.VERSION))
        return
    if found < schema.VERSION:
        with writing(engine) as connection:
            _upgrade(connection)
        return
    if found != schema.VERSION:
        raise ConfigurationError(
            f"The ledger has schema version {found}; this code knows version {schema.VERSION}.",
            hint="Run the code that wrote it, or move the ledger aside to start a new one.",
        )


def _upgrade(connection: Connection) -> None:
    """Bring an older ledger up to date: versions add tables and nullable columns, and change indexes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    found = inspect(connection)
    known = set(found.get_table_names())
    quote = connection.dialect.identifier_preparer.quote
    for table in schema.metadata.sorted_tables:
        if table.name not in known:
            continue
        has = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in has:
                kind = column.type.compile(connection.dialect)
                connection.execute(
                    text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}")
                )
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE outbox ALTER COLUMN state TYPE VARCHAR(32)"))
    schema.metadata.create_all(connection)
    for table in schema.metadata.sorted_tables:
        if table.name in known:
            for index in table.indexes:
                index.create(connection, checkfirst=True)
    # Its place was taken by outbox_turn, which a planner that may choose would leave for this one.
    connection.execute(text("DROP INDEX IF EXISTS outbox_due"))
    connection.execute(schema.version.update().values(version=schema.VERSION))
