"""The delivery log: one line for every step of a promised effect, appended by outbox/transitions.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, RowMapping, bindparam, case, func, select

from customer_health.ledger.outbox.transitions import DUPLICATED, SINGLE_AGAIN
from customer_health.ledger.schema import deliveries, outbox

# What a call came to: the destination answered, or it did not.
ANSWERED = ("delivered", "found", "rejected", "limited")
FAILED = ("unknown", "busy")
_RECENT = 5000  # lines that are looked at
# Asked before every call, so built once.
_LIMITED = (
    select(func.max(outbox.c.not_before))
    .join(
        deliveries,
        (deliveries.c.key == outbox.c.key)
        & (deliveries.c.fence == outbox.c.fence)
        & (deliveries.c.event == "limited"),
    )
    .where(outbox.c.destination == bindparam("destination"), outbox.c.state.in_(("pending", "unknown")))
    .where(outbox.c.not_before > bindparam("now"))
)


def of(engine: Engine, key: str) -> list[RowMapping]:
    """Return every line about one effect, oldest first."""
    with engine.connect() as connection:
        query = select(deliveries).where(deliveries.c.key == key).order_by(deliveries.c.id)
        return list(connection.execute(query).mappings())


def recent_calls(engine: Engine, destination: str, limit: int) -> list[tuple[datetime, bool]]:
    """Return the latest calls of a destination, newest first: when, and whether it answered.

    Rows of one call share their instant, so that one failed batch counts once.
    """
    d = deliveries.c
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(d.id))).scalar() or 0
        answered = func.max(case((d.event.in_(ANSWERED), 1), else_=0))
        calls = connection.execute(
            select(d.at, answered)
            .join(outbox, outbox.c.key == d.key)
            .where(d.id > newest - _RECENT, outbox.c.destination == destination)
            .where(d.event.in_(ANSWERED + FAILED))
            .group_by(d.at)
            .order_by(d.at.desc())
            .limit(limit)
        )
        return [(at, bool(any_answer)) for at, any_answer in calls]


def limited_until(engine: Engine, destination: str, now: datetime) -> datetime | None:
    """Return until when a destination has asked to be left alone; None when it may be called.

    Whichever process was told: the row that met the limit waits exactly that long, and its line says why.
    """
    with engine.connect() as connection:
        return connection.execute(_LIMITED, {"destination": destination, "now": now}).scalar()


def sent_twice(connection: Connection, destination: str, since: datetime) -> Sequence[RowMapping]:
    """Return the finished effects that were announced more than once, or landed late.

    Each is its outbox row with `resent`: how often a person asked for another copy.
    """
    d = deliveries.c

    def times(*events: str) -> Any:
        return func.sum(case((d.event.in_(events), 1), else_=0))

    announced = (
        select(d.key, times("resend").label("resent"))
        .where(d.event.in_(("sending", "resend", "late delivered")))
        .group_by(d.key)
        .having((times("sending") > 1) | (times("late delivered") > 0))
        .subquery()
    )
    query = (
        select(outbox, announced.c.resent)
        .join(announced, announced.c.key == outbox.c.key)
        .where(outbox.c.destination == destination, outbox.c.sending_at > since)
        .where(outbox.c.state.in_(("delivered", "rejected")))
        .order_by(outbox.c.sending_at)
    )
    return connection.execute(query).mappings().all()


def known_copies(connection: Connection, key: str) -> str:
    """Return what the last audit wrote about an effect that is there twice; empty when it is not."""
    last = connection.execute(
        select(deliveries.c.event, deliveries.c.detail)
        .where(deliveries.c.key == key, deliveries.c.event.in_((DUPLICATED, SINGLE_AGAIN)))
        .order_by(deliveries.c.id.desc())
    ).first()
    return str(last.detail) if last is not None and last.event == DUPLICATED else ""


def known_twice(engine: Engine) -> int:
    """Return how many effects are known to be at their destination twice."""
    with engine.connect() as connection:
        newest = select(func.max(deliveries.c.id)).where(deliveries.c.event.in_((DUPLICATED, SINGLE_AGAIN)))
        query = select(func.count()).where(
            deliveries.c.id.in_(newest.group_by(deliveries.c.key)), deliveries.c.event == DUPLICATED
        )
        return int(connection.execute(query).scalar() or 0)


def approvals(connection: Connection, playbook: str, *, after: date, until: date) -> list[Row[Any]]:
    """Return `as_of`, `payload` and `worker` of what people approved for a playbook, oldest day first.

    Args:
        connection: The ledger.
        playbook: Whose effects.
        after: Only days after this one.
        until: Only days up to this one.
    """
    query = (
        select(outbox.c.as_of, outbox.c.payload, deliveries.c.worker)
        .join(deliveries, deliveries.c.key == outbox.c.key)
        .where(outbox.c.playbook == playbook, deliveries.c.event == "approved")
        .where(outbox.c.as_of <= until, outbox.c.as_of > after)
        .order_by(outbox.c.as_of)
    )
    return list(connection.execute(query))
