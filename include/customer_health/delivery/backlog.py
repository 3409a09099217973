"""After an outage: what has been overtaken is not sent, and old alerts arrive as one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select, update

from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import queue as promises
from customer_health.ledger.schema import deliveries, outbox

STALE_AFTER = timedelta(hours=24)
FEWEST = 2  # a single old alert is a message, not a storm
MOST_LISTED = 20


def fold(engine: Engine, destination: str, *, now: datetime) -> int:
    """Take overtaken and stale rows of one destination out of the queue.

    Fields of an account that a newer day has promised again are not written: a late retry would put the
    old score over the new one. Alerts that waited longer than a day become one digest per channel; each
    row keeps the key of the message that tells its news.

    Args:
        engine: The ledger.
        destination: Whose rows.
        now: The present.

    Returns:
        How many rows were folded.
    """
    with engine.connect() as connection:  # nearly always nothing to do: look before taking the write lock
        if not _overtaken(connection, destination) and len(_stale(connection, destination, now)) < FEWEST:
            return 0
    with writing(engine) as connection:
        folded = 0
        for row in _overtaken(connection, destination, lock=True):
            _settle(connection, row, "superseded", "a newer day's values were promised", now)
            folded += 1
        by_channel: dict[str, list[RowMapping]] = {}
        for row in _stale(connection, destination, now, lock=True):
            by_channel.setdefault(row["payload"]["channel"], []).append(row)
        for channel, rows in by_channel.items():
            if len(rows) < FEWEST:
                continue
            summary = digest(channel, rows, destination, now)
            promises.add(connection, [summary], now=now)
            for row in rows:
                _settle(connection, row, "folded", f"in the digest {summary.key}", now)
            folded += len(rows)
    return folded


def digest(channel: str, rows: Sequence[RowMapping], destination: str, now: datetime) -> Effect:
    """Return the one message that tells what many late alerts would have said, most ARR first."""
    first = min(row["key"] for row in rows)
    ranked = sorted(rows, key=lambda row: -(row["payload"]["account"].get("arr") or 0))
    as_of = max(row["as_of"] for row in rows)
    cycle = f"day-{now.date()}"
    return Effect(
        key=effect_key("portfolio", "alert_backlog", cycle, f"{channel}:{first}", destination),
        destination=destination,
        verb="notify",
        account_id="portfolio",
        as_of=as_of,
        playbook="alert_backlog",
        step="backlog",
        episode_id=cycle,
        payload={
            "kind": "backlog",
            "channel": channel,
            "as_of": as_of.isoformat(),
            "count": len(rows),
            "since": min(row["created_at"] for row in rows).isoformat(),
            "entries": [_entry(row["payload"]) for row in ranked[:MOST_LISTED]],
            "mentions": sorted({row["account_id"] for row in rows}),
        },
    )


def _entry(payload: Mapping[str, Any]) -> dict[str, Any]:
    account, score = payload["account"], payload["score"]
    return {
        "account_id": account["id"],
        "name": account["name"],
        "score": score["now"],
        "before": score["before"],
        "tier": score["tier"],
        "why": score.get("why"),
        "arr": account.get("arr"),
        "owner": account["owner"]["email"],
    }


def _rows(connection: Connection, query: Select[Any], lock: bool) -> list[RowMapping]:
    locked = query.with_for_update(skip_locked=True, of=outbox)
    return list(connection.execute(locked if lock else query).mappings())


def _overtaken(connection: Connection, destination: str, *, lock: bool = False) -> list[RowMapping]:
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


def _stale(
    connection: Connection, destination: str, now: datetime, *, lock: bool = False
) -> list[RowMapping]:
    query = select(outbox).where(
        outbox.c.destination == destination,
        outbox.c.state == "pending",
        outbox.c.verb == "notify",
        outbox.c.created_at < now - STALE_AFTER,
    )
    # An alert that was held over the weekend on purpose is late only a day after it might leave.
    return [
        row
        for row in _rows(connection, query, lock)
        if _is_alert(row["payload"])
        and (promises.instant(row["payload"].get("not_before")) or row["created_at"]) < now - STALE_AFTER
    ]


def _is_alert(payload: Mapping[str, Any]) -> bool:
    return payload.get("kind") == "alert" and bool(payload.get("channel")) and "account" in payload


def _settle(connection: Connection, row: RowMapping, state: str, why: str, now: datetime) -> None:
    connection.execute(
        update(outbox)
        .where(outbox.c.key == row["key"])
        .values(state=state, fence=row["fence"] + 1, error=None, fix=why, lease_until=None)
    )
    connection.execute(
        insert(deliveries).values(
            key=row["key"], at=now, worker=None, fence=row["fence"] + 1, event=state, detail=why
        )
    )
