"""Open the ledger: SQLite by default, PostgreSQL in production; same tables, same guarantees."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger import schema
from customer_health.store_faults import StoreLockedError, of_store

BUSY_SECONDS = 30
_LOCK = 7_310_226  # PostgreSQL advisory lock of schema changes; any constant will do


class LedgerBusyError(RetriableError):
    """Another process holds the ledger's write lock for longer than we wait."""


class LedgerOutdatedError(ConfigurationError):
    """An older version wrote this ledger; `ledger/upgrade.py` brings it up to date, never a page."""


def open_ledger(url: str) -> Engine:
    """Open the ledger, creating its tables the first time.

    Args:
        url: SQLAlchemy URL: `sqlite:////absolute/path.db`, `postgresql+psycopg://...`. `sqlite://`
            lives in memory and serves a single process.

    Returns:
        An engine. Read with `engine.connect()`, write with `writing(engine)`.

    Raises:
        ConfigurationError: The URL is not understood, or a newer version wrote this ledger.
        LedgerOutdatedError: An older version wrote it, and nobody has upgraded it yet.
        LedgerBusyError: Somebody else held the write lock for half a minute.
    """
    engine = connect_ledger(url)
    _ensure_schema(engine)
    return engine


def _translate(engine: Engine) -> None:
    """Say in our words what a damaged, full, stopped or locked store says in its own, wherever it happens."""
    place = engine.url.render_as_string(hide_password=True)

    @event.listens_for(engine, "handle_error")
    def handle(context: ExceptionContext) -> None:
        found = of_store("ledger", place, context.original_exception)
        if isinstance(found, StoreLockedError):
            raise LedgerBusyError(
                f"The ledger was locked for more than {BUSY_SECONDS} s.",
                hint="Another run is writing; try again when it has finished.",
            ) from None
        if found is not None:
            raise found from context.original_exception


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a write transaction; commit at the end, roll back on any error.

    On SQLite the write lock is taken at once (BEGIN IMMEDIATE): a transaction that reads first and
    asks for the lock later fails with "database is locked", whatever the time-out says.
    """
    with engine.connect().execution_options(ledger_write=True) as connection, connection.begin():
        yield connection


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
        # What fails in here passes by `handle_error`.
        with _in_our_words(url):
            _prepare(cursor, in_memory)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        wants_to_write = connection.get_execution_options().get("ledger_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_to_write else "BEGIN")

    return engine


def _prepare(cursor: Any, in_memory: bool) -> None:
    if not in_memory:
        _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # `sending` must survive a power cut: it precedes the call
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


def _write_ahead(cursor: Any) -> None:
    """Let readers see the last commit while we write.

    While another process turns a new file over to this mode, SQLite refuses at once, without waiting as it
    does everywhere else (https://sqlite.org/wal.html#busy); so we wait.
    """
    for left in reversed(range(round(BUSY_SECONDS * 20))):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not left:
                raise
            time.sleep(0.05)


@contextmanager
def _in_our_words(url: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise of_store("ledger", url, error) or error from None


def wipe_deleted(engine: Engine) -> bool:
    """Take what was deleted out of SQLite's files, where it lies until its pages are used again.

    Returns:
        Whether nothing of it is left; False while somebody reads an older state. A server looks after its
        own files: there is nothing to do.

    Raises:
        RetriableError: The ledger is being written to, or the disk is full.
    """
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        with _in_our_words(str(engine.url)):
            raw.cursor().execute("VACUUM")
            busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    finally:
        raw.close()


def _server(url: str) -> Engine:
    return create_engine(url, json_serializer=_json, pool_pre_ping=True)


def ledger_revision(connection: Connection) -> str | None:
    """Return the revision that a ledger is at, None for an empty database.

    Ledgers of before revision 0008 know a number instead: version 3 is at "0003".
    """
    tables, found = inspect(connection), list[str]()
    if tables.has_table(schema.alembic_version.name):
        found += connection.execute(select(schema.alembic_version.c.version_num)).scalars().all()
    if tables.has_table(schema.ledger_version.name):
        numbers = connection.execute(select(schema.ledger_version.c.version)).scalars()
        found += [f"{number:04d}" for number in numbers]
    return max(found, default=None)


def lock_schema(connection: Connection) -> None:
    """Let one process at a time create or change the tables; SQLite's writers already are alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def connect_ledger(url: str) -> Engine:
    """Return an engine for the ledger without a look at its tables; everybody but the upgrade opens it.

    Raises:
        ConfigurationError: The URL is not understood.
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
    _translate(engine)
    return engine


def refuse_newer(found: str) -> None:
    """Refuse a ledger that newer code has written: what we would write could be wrong there.

    Raises:
        ConfigurationError: Its revision is not one of ours.
    """
    if found > schema.REVISION:
        raise ConfigurationError(
            f"The ledger is at revision {found}; this code knows revision {schema.REVISION} and older.",
            hint="Run the version of the code that upgraded it, or restore the ledger of before the upgrade.",
        )


def _ensure_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        found = ledger_revision(connection)
    if found is None:
        with writing(engine) as connection:
            lock_schema(connection)
            if ledger_revision(connection) is None:  # another process may just have created it
                create_tables(connection)
        return
    refuse_newer(found)
    if found != schema.REVISION:
        raise LedgerOutdatedError(
            f"The ledger is at revision {found}; this code needs revision {schema.REVISION}.",
            hint="Run `python -m customer_health ledger upgrade` (--dry-run shows what it would do), or the "
            "next ingest_sources, which upgrades first.",
        )


def create_tables(connection: Connection) -> None:
    """Make every table of an empty ledger, at the newest revision."""
    schema.metadata.create_all(connection)
    connection.execute(schema.alembic_version.insert().values(version_num=schema.REVISION))
    connection.execute(schema.ledger_version.insert().values(version=int(schema.REVISION)))
