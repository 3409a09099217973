"""Bring a ledger of an earlier version up to date: the revisions in migrations/, run by Alembic.

Upgraded is on an explicit command, or at the start of ingestion; a page that finds an older ledger says so.
All revisions run in one transaction: what fails leaves the ledger as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger import engine as ledger_engine
from customer_health.ledger import schema

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did, or would do.

    Attributes:
        found: The revision before; None for an empty database.
        reached: The revision after.
        statements: The SQL that changed something, in order.
        dry_run: Whether it was all undone.
    """

    found: str | None
    reached: str
    statements: tuple[str, ...] = ()
    dry_run: bool = False

    def lines(self) -> list[str]:
        """Sentences for people."""
        if self.found == self.reached:
            return [f"The ledger is at revision {self.reached}, the newest; nothing to do."]
        before = "an empty database" if self.found is None else f"revision {self.found}"
        verb = "would go" if self.dry_run else "went"
        steps = len(self.statements)
        said = f"The ledger {verb} from {before} to revision {self.reached} in {steps} statements."
        return [said, *(self.statements if self.dry_run else ())]


def upgrade_ledger(url: str, *, dry_run: bool = False) -> Upgrade:
    """Create an empty ledger, or bring an older one to the newest revision; nothing to do is fine.

    Args:
        url: SQLAlchemy URL.
        dry_run: Do it all, on the real data, and undo it: an upgrade that would fail fails here.

    Raises:
        ConfigurationError: The URL is not understood, or a newer version wrote this ledger.
        FatalError: A revision does not fit the data; the ledger is as it was.
    """
    engine = ledger_engine.connect_ledger(url)
    try:
        with engine.connect() as connection:
            found = ledger_engine.ledger_revision(connection)
        if found == schema.REVISION:
            return Upgrade(found, found, dry_run=dry_run)
        if found is not None:
            ledger_engine.refuse_newer(found)
        try:
            return _upgrade(engine, dry_run)
        except SQLAlchemyError as error:
            detail = str(getattr(error, "orig", error))
            if "locked" in detail.lower():
                raise ledger_engine.LedgerBusyError(
                    "Somebody else is writing to the ledger.", hint="Try again when that run has finished."
                ) from error
            raise FatalError(
                f"The ledger could not be upgraded from revision {found}: {detail}",
                hint="It is as it was. Keep a copy of it, and report the message with the revision.",
            ) from error
    finally:
        engine.dispose()


def _upgrade(engine: Engine, dry_run: bool) -> Upgrade:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    statements: list[str] = []
    with _without_foreign_keys(engine) as connection, connection.begin() as transaction:
        ledger_engine.lock_schema(connection)
        found = ledger_engine.ledger_revision(connection)  # another process may have been faster
        if found is not None:
            ledger_engine.refuse_newer(found)
        with _recorded(connection, statements):
            if found is None:
                ledger_engine.create_tables(connection)
            elif found != schema.REVISION:
                config.attributes["connection"] = connection
                command.upgrade(config, schema.REVISION)
        _check_references(connection)
        if dry_run:
            transaction.rollback()
    if not dry_run and found != schema.REVISION:
        log.info("ledger: upgraded from %s to %s", found, schema.REVISION)
    return Upgrade(found, schema.REVISION, tuple(statements), dry_run)


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """Yield a connection on which SQLite lets a table be made anew while others refer to it."""
    with engine.connect().execution_options(ledger_write=True) as connection:
        if connection.dialect.name != "sqlite":
            yield connection
            return
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        raise ConfigurationError(
            f"{len(broken)} rows of the ledger refer to rows that are not there, first in {broken[0][0]}.",
            hint="The ledger is as it was; it was damaged before. Restore a back-up.",
        )


@contextmanager
def _recorded(connection: Connection, statements: list[str]) -> Iterator[None]:
    """Keep every statement that changes something."""

    def keep(_c: Any, _cursor: Any, statement: str, _p: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")):
            statements.append(" ".join(statement.split()))

    event.listen(connection, "before_cursor_execute", keep)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", keep)
