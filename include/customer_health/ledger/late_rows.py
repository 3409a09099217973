"""Waiting rows that an outage has overtaken: older values of a field, and alerts that are old news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from customer_health.ledger.outbox.queue import instant
from customer_health.ledger.schema import outbox


def overtaken(connection: Connection, destination: str, *, lock: bool = False) -> list[RowMapping]:
    """Return `key` and `fence` of field updates whose account has a newer day's update.

    Args:
        connection: The ledger.
        destination: Whose rows.
        lock: Keep them from other workers until the transaction ends.
    """
    # Newest days first, then one comparison a row: asked row by row, a first day of 100,000 accounts
    # would compare each with all.
    ours = (outbox.c.destination == destination) & (outbox.c.verb == "set_fields")
    newest = (
        select(outbox.c.account_id, func.max(outbox.c.as_of).label("as_of"))
        .where(ours)
        .group_by(outbox.c.account_id)
        .subquery()
    )
    query = (
        select(outbox.c.key, outbox.c.fence)
        .join(newest, newest.c.account_id == outbox.c.account_id)
        .where(ours, outbox.c.state.in_(("pending", "unknown")), newest.c.as_of > outbox.c.as_of)
    )
    return _rows(connection, query, lock)


def late_alerts(
    connection: Connection, destination: str, *, due_before: datetime, lock: bool = False
) -> list[RowMapping]:
    """Return the outbox rows of alerts that might have left before `due_before` and still wait."""
    query = select(outbox).where(
        outbox.c.destination == destination,
        outbox.c.state == "pending",
        outbox.c.verb == "notify",
        outbox.c.created_at < due_before,
    )
    # An alert that was held over the weekend on purpose is late only a day after it might leave.
    return [
        row
        for row in _rows(connection, query, lock)
        if _is_alert(row["payload"])
        and (instant(row["payload"].get("not_before")) or row["created_at"]) < due_before
    ]


def _is_alert(payload: Mapping[str, Any]) -> bool:
    return payload.get("kind") == "alert" and bool(payload.get("channel")) and "account" in payload


def _rows(connection: Connection, query: Select[Any], lock: bool) -> list[RowMapping]:
    locked = query.with_for_update(skip_locked=True, of=outbox)
    return list(connection.execute(locked if lock else query).mappings())
