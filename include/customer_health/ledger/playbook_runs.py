"""Runs of the playbooks: which days acted, and what each run counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from customer_health.ledger.schema import playbook_runs

_AS_OF = playbook_runs.c.as_of
_LIVE = playbook_runs.c.mode == "live"


def newest_live(connection: Connection, *, before: date | None = None) -> date | None:
    """Return the latest day that acted, optionally only of days before one; None when none did."""
    query = select(func.max(_AS_OF)).where(_LIVE)
    return connection.execute(query if before is None else query.where(before > _AS_OF)).scalar()


def first_live(connection: Connection) -> date | None:
    """Return the first day that acted; None when none did."""
    return connection.execute(select(func.min(_AS_OF)).where(_LIVE)).scalar()


def has_acted(connection: Connection, as_of: date) -> bool:
    """Return whether a live run of that very day was recorded."""
    query = select(func.count()).where(playbook_runs.c.as_of == as_of, _LIVE)
    return bool(connection.execute(query).scalar())


def of_day(engine: Engine, as_of: date) -> Mapping[str, Any] | None:
    """Return mode, counts and notes of the newest run of one day; None if there was none."""
    columns = (playbook_runs.c.mode, playbook_runs.c.counts, playbook_runs.c.notes)
    query = (
        select(*columns).where(playbook_runs.c.as_of == as_of).order_by(playbook_runs.c.id.desc()).limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def record(
    connection: Connection,
    *,
    as_of: date,
    at: datetime,
    mode: str,
    counts: Mapping[str, Any],
    notes: Sequence[str],
) -> None:
    """Append one run.

    Args:
        connection: The ledger, in the transaction of the run.
        as_of: The day.
        at: When it ran, zone-aware.
        mode: live, too_old or superseded.
        counts: Its numbers.
        notes: What its readers should know, in sentences.
    """
    values = {"as_of": as_of, "at": at, "mode": mode, "counts": dict(counts), "notes": list(notes)}
    connection.execute(insert(playbook_runs).values(values))
