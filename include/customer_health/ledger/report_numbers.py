"""Numbers of reports as the page shows them, by kind and day: a page opens no warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from customer_health.ledger.engine import writing
from customer_health.ledger.schema import report_numbers as table
from customer_health.ledger.scores import plain

KPIS, SCOREBOARD, VALUE_OF_DATA, RENEWALS = "kpis", "scoreboard", "value_of_data", "renewals"
GATE, SIGNALS, GRADUATION = "gate", "signals", "graduation"


def keep(engine: Engine, kind: str, as_of: date, content: Mapping[str, Any]) -> None:
    """Keep what a report found, replacing what an earlier run of that day did."""
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.kind == kind, table.c.as_of == as_of))
        connection.execute(insert(table).values(kind=kind, as_of=as_of, content=plain(content)))


def latest(
    engine: Engine, kind: str, *, as_of: date | None = None
) -> tuple[date, Mapping[str, Any]] | tuple[None, None]:
    """Return day and content of the newest report of a kind, or (None, None)."""
    with engine.connect() as connection:
        return latest_in(connection, kind, as_of=as_of)


def latest_in(
    connection: Connection, kind: str, *, as_of: date | None = None
) -> tuple[date, Mapping[str, Any]] | tuple[None, None]:
    """Return the same inside the caller's transaction."""
    query = select(table).where(table.c.kind == kind).order_by(table.c.as_of.desc()).limit(1)
    if as_of is not None:
        query = query.where(table.c.as_of <= as_of)
    row = connection.execute(query).mappings().first()
    return (row["as_of"], row["content"]) if row else (None, None)


def before(
    engine: Engine, kind: str, *, as_of: date, limit: int = 60
) -> list[tuple[date, Mapping[str, Any]]]:
    """Return the newest reports of a kind up to a day, oldest first."""
    query = (
        select(table)
        .where(table.c.kind == kind, table.c.as_of <= as_of)
        .order_by(table.c.as_of.desc())
        .limit(limit)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [(row["as_of"], row["content"]) for row in reversed(rows)]
