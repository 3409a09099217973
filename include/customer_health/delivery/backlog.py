"""After an outage: what has been overtaken is not sent, and old alerts arrive as one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping

from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger import late_rows
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import queue as promises
from customer_health.ledger.outbox import transitions

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
    due_before = now - STALE_AFTER
    with engine.connect() as connection:  # nearly always nothing to do: look before taking the write lock
        waiting = late_rows.late_alerts(connection, destination, due_before=due_before)
        if not late_rows.overtaken(connection, destination) and len(waiting) < FEWEST:
            return 0
    with writing(engine) as connection:
        steps = [
            transitions.superseded(row, "a newer day's values were promised")
            for row in late_rows.overtaken(connection, destination, lock=True)
        ]
        by_channel: dict[str, list[RowMapping]] = {}
        for row in late_rows.late_alerts(connection, destination, due_before=due_before, lock=True):
            by_channel.setdefault(row["payload"]["channel"], []).append(row)
        for channel, rows in by_channel.items():
            if len(rows) < FEWEST:
                continue
            summary = digest(channel, rows, destination, now)
            promises.add(connection, [summary], now=now)
            steps += [transitions.folded(row, f"in the digest {summary.key}") for row in rows]
        return sum(transitions.move(connection, steps, now=now))


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
