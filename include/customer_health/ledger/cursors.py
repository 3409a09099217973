"""How far each source has been read, and what each reading brought; source_reports.py shows it.

A cursor is saved after the files that it stands for: a run that is killed in between reads the same rows
again, and none is lost. Nothing here is a secret or a person's data: numbers, times and the vendor's tokens.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from customer_health.ledger.engine import writing
from customer_health.ledger.schema import source_cursors, source_readings


def load_cursor(engine: Engine, source: str, resource: str) -> dict[str, Any]:
    """Return the cursor of a resource; empty before its first run."""
    query = select(source_cursors.c.cursor).where(
        source_cursors.c.source == source, source_cursors.c.resource == resource
    )
    with engine.connect() as connection:
        return dict(connection.execute(query).scalar() or {})


def save_cursor(engine: Engine, source: str, resource: str, cursor: dict[str, Any], as_of: date) -> None:
    """Remember how far a resource has been read."""
    here = (source_cursors.c.source == source) & (source_cursors.c.resource == resource)
    with writing(engine) as connection:
        connection.execute(delete(source_cursors).where(here))
        connection.execute(
            insert(source_cursors).values(source=source, resource=resource, cursor=cursor, as_of=as_of)
        )


def save_reading(engine: Engine, source: str, resource: str, as_of: date, counts: dict[str, Any]) -> None:
    """Keep what one reading brought; the last reading of a day counts."""
    here = (source_readings.c.source == source) & (source_readings.c.resource == resource)
    with writing(engine) as connection:
        connection.execute(delete(source_readings).where(here, source_readings.c.as_of == as_of))
        connection.execute(
            insert(source_readings).values(source=source, resource=resource, as_of=as_of, counts=counts)
        )
