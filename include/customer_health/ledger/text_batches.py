"""Jobs at a vendor's batch price: written down before they leave, so that none is submitted twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update

from customer_health.ledger.engine import writing
from customer_health.ledger.schema import text_batches

# A job that may not have reached its vendor holds its texts back for so long.
MAYBE_SENT = timedelta(days=1)


def announce(engine: Engine, *, provider: str, hashes: Sequence[str], spending_id: int, now: datetime) -> int:
    """Write down that a job is about to be submitted; return its number.

    Args:
        engine: The ledger.
        provider: Whose job.
        hashes: Content hashes of its texts.
        spending_id: Its reservation.
        now: The present, zone-aware.
    """
    values = {"hashes": list(hashes), "spending_id": spending_id, "submitted_at": now}
    with writing(engine) as connection:
        made = connection.execute(
            insert(text_batches).values(provider=provider, state="submitting", **values)
        )
        return int(made.inserted_primary_key[0])  # type: ignore[index]


def mark(engine: Engine, number: int, **values: Any) -> None:
    """Write a job's new `state`, and its `remote_id` once the vendor has given one."""
    with writing(engine) as connection:
        connection.execute(update(text_batches).where(text_batches.c.id == number).values(**values))


def running(engine: Engine, provider: str) -> Sequence[Row[Any]]:
    """Return the jobs that a vendor holds: id, remote_id, hashes, spending_id, submitted_at."""
    query = select(text_batches).where(text_batches.c.provider == provider, text_batches.c.state == "running")
    with engine.connect() as connection:
        return connection.execute(query).all()


def texts_under_way(engine: Engine, provider: str, now: datetime) -> set[str]:
    """Return the content hashes of texts that a job holds, or may hold."""
    query = select(text_batches).where(
        text_batches.c.provider == provider, text_batches.c.state.in_(("submitting", "running"))
    )
    with engine.connect() as connection:
        jobs = connection.execute(query).all()
    fresh = [job for job in jobs if job.state == "running" or now - job.submitted_at < MAYBE_SENT]
    return {content_hash for job in fresh for content_hash in job.hashes}
