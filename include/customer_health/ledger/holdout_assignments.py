"""Holdout assignments as stored: one per account, written once, in the transaction that opens the episode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select

from customer_health.ledger.schema import holdout


def arms(connection: Connection) -> dict[str, str]:
    """Return the arm of every account that was drawn."""
    return {
        row.account_id: row.arm for row in connection.execute(select(holdout.c.account_id, holdout.c.arm))
    }


def drawn(connection: Connection) -> dict[str, int]:
    """Return how many eligible accounts of each stratum were drawn so far."""
    c = holdout.c
    query = select(c.stratum, func.count()).where(c.arm != "not_eligible").group_by(c.stratum)
    return {row[0]: row[1] for row in connection.execute(query)}


def held_out_episodes(connection: Connection) -> set[str]:
    """Return the episodes whose account is held out."""
    query = select(holdout.c.episode_id).where(holdout.c.arm == "held_out")
    return set(connection.execute(query).scalars())


def save(
    connection: Connection,
    rows: Iterable[Mapping[str, Any]],
    *,
    as_of: date,
    share: float,
    salt: str,
    now: datetime,
) -> None:
    """Write assignments; an account that has an arm keeps it."""
    known = arms(connection)
    new = [
        {**row, "as_of": as_of, "share": share, "salt": salt, "at": now}
        for row in rows
        if row["account_id"] not in known
    ]
    if new:
        connection.execute(insert(holdout), new)


def all_of(engine: Engine) -> list[RowMapping]:
    """Return every assignment, oldest first."""
    with engine.connect() as connection:
        query = select(holdout).order_by(holdout.c.as_of, holdout.c.account_id)
        return list(connection.execute(query).mappings())
