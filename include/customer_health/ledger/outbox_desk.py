"""The outbox as people use it: look at it, read an effect's diary, send one again."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Engine, RowMapping, func, insert, select, update

from customer_health.errors import FatalError, suggest
from customer_health.ledger.connect import writing
from customer_health.ledger.schema import deliveries, outbox


def resend(engine: Engine, key: str, reason: str, *, now: datetime) -> None:
    """Send a finished or stuck effect once more, because a person says so. The reason is kept.

    Raises:
        FatalError: No such key, no reason, or a worker is sending it at this moment.
    """
    if len(reason.strip()) < 5:
        raise FatalError("A resend needs its reason.", hint="Say in a few words why it must be sent again.")
    with writing(engine) as connection:
        row = connection.execute(select(outbox).where(outbox.c.key == key)).mappings().first()
        if row is None:
            some = connection.execute(select(outbox.c.key).where(outbox.c.key.startswith(key[:4])).limit(5))
            raise FatalError(f"There is no effect with the key {key}.", hint=suggest(key, some.scalars()))
        if row["state"] not in ("delivered", "rejected", "unknown"):
            raise FatalError(
                f"Effect {key} is {row['state']}: it is on its way already.",
                hint="Wait for deliver_effects to finish with it.",
            )
        connection.execute(
            update(outbox)
            .where(outbox.c.key == key)
            .values(
                state="pending",
                attempts=0,
                not_before=now,
                fence=row["fence"] + 1,
                error=None,
                fix=None,
                lease_until=None,
            )
        )
        connection.execute(
            insert(deliveries).values(
                key=key, at=now, worker=None, fence=row["fence"] + 1, event="resend", detail=reason.strip()
            )
        )


def find(engine: Engine, *, state: str | None = None, as_of: date | None = None) -> list[RowMapping]:
    """Return outbox rows, newest promise first."""
    query = select(outbox).order_by(outbox.c.created_at.desc(), outbox.c.priority, outbox.c.key)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if as_of is not None:
        query = query.where(outbox.c.as_of == as_of)
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def diary(engine: Engine, key: str) -> list[RowMapping]:
    """Return every attempt on one effect, oldest first."""
    with engine.connect() as connection:
        query = select(deliveries).where(deliveries.c.key == key).order_by(deliveries.c.id)
        return list(connection.execute(query).mappings())


def tally(engine: Engine) -> dict[str, dict[str, int]]:
    """Return how many rows stand in which state, by destination."""
    c = outbox.c
    query = select(c.destination, c.state, func.count()).group_by(c.destination, c.state)
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for destination, state, count in connection.execute(query):
            found.setdefault(destination, {})[state] = count
    return found
