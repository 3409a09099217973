"""The outbox as people use it: look at it, approve or decline, send an effect again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, RowMapping, func, select

from customer_health.errors import FatalError, suggest
from customer_health.ledger.approvers import check_approver
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import transitions
from customer_health.ledger.outbox.retired import retired
from customer_health.ledger.outbox.transitions import Transition
from customer_health.ledger.schema import outbox


def resend(engine: Engine, key: str, reason: str, *, now: datetime) -> None:
    """Send a finished or stuck effect once more, because a person says so. The reason is kept.

    Raises:
        FatalError: No such key, no reason, or a worker is sending it at this moment.
    """
    if len(reason.strip()) < 5:
        raise FatalError("A resend needs its reason.", hint="Say in a few words why it must be sent again.")
    with writing(engine) as connection:
        row = _row(connection, key)
        if row["state"] not in ("delivered", "rejected", "unknown"):
            raise FatalError(
                f"Effect {key} is {row['state'].replace('_', ' ')}; only what was sent can be sent again.",
                hint="Pending ones leave with the next dispatch; what awaits approval must be approved.",
            )
        _move(connection, transitions.resent(row, reason.strip(), now=now), now)


def approve(
    engine: Engine, key: str, *, by: str, reason: str, now: datetime, approvers: Sequence[str] = ()
) -> None:
    """Agree that an effect may leave the system; it is delivered with the next dispatch.

    Args:
        engine: The ledger.
        key: Its key.
        by: Who agrees.
        reason: Why, in a few words; kept in the delivery log.
        now: The present.
        approvers: Who may agree; empty for anybody.

    Raises:
        FatalError: No such effect, it waits for no approval (any more), or `by` may not approve.
    """
    _answer(engine, key, transitions.approved, by, reason, now, approvers)


def decline(
    engine: Engine, key: str, *, by: str, reason: str, now: datetime, approvers: Sequence[str] = ()
) -> None:
    """Refuse an effect for good. Arguments and errors as for `approve`."""
    _answer(engine, key, transitions.declined, by, reason, now, approvers)


def awaiting(engine: Engine) -> list[RowMapping]:
    """Return what waits for approval, what expires first at the top."""
    query = select(outbox).where(outbox.c.state == "awaiting_approval")
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(outbox.c.expires_at, outbox.c.key)).mappings())


def expire(connection: Connection, *, now: datetime) -> int:
    """Close, inside the caller's transaction, what nobody approved in time; return how many."""
    c = outbox.c
    query = select(c.key, c.fence).where(c.state == "awaiting_approval", c.expires_at <= now)
    late = connection.execute(query).mappings().all()
    return sum(transitions.move(connection, [transitions.expired(row) for row in late], now=now))


def _answer(
    engine: Engine,
    key: str,
    answer: Callable[[RowMapping, str, str], Transition],
    by: str,
    reason: str,
    now: datetime,
    approvers: Sequence[str],
) -> None:
    if not by.strip() or len(reason.strip()) < 3:
        raise FatalError("An approval needs a name and a reason.", hint="Say who decides, and why.")
    check_approver(by, approvers)
    with writing(engine) as connection:
        row = _row(connection, key)
        if row["state"] != "awaiting_approval":
            raise FatalError(
                f"Effect {key} is {row['state']}; it waits for no approval.",
                hint="An expired or declined one comes back with the next cycle of its playbook.",
            )
        if row["expires_at"] is not None and row["expires_at"] <= now:
            raise FatalError(
                f"Effect {key} expired at {row['expires_at']:%Y-%m-%d %H:%M} UTC.",
                hint="What was right then may be wrong now; it comes back with its playbook's next cycle.",
            )
        _move(connection, answer(row, by, reason.strip()), now)


def _move(connection: Connection, step: Transition, now: datetime) -> None:
    if transitions.move(connection, [step], now=now) != [True]:
        raise FatalError(
            f"Effect {step.key} changed at this very moment: a worker or another person was faster.",
            hint="Look at it again, and decide afresh.",
        )


def _row(connection: Connection, key: str) -> RowMapping:
    row = connection.execute(select(outbox).where(outbox.c.key == key)).mappings().first()
    if row is None and (old := retired(connection, [key])):
        raise FatalError(
            f"Effect {key} of {old[key]} was settled long ago, and its row was let go.",
            hint="Only its key is kept, so that it is never done again; do it there by hand.",
        )
    if row is None:
        some = connection.execute(select(outbox.c.key).where(outbox.c.key.startswith(key[:4])).limit(5))
        raise FatalError(f"There is no effect with the key {key}.", hint=suggest(key, some.scalars()))
    return row


def find(engine: Engine, *, state: str | None = None, as_of: date | None = None) -> list[RowMapping]:
    """Return outbox rows, newest promise first."""
    query = select(outbox).order_by(outbox.c.created_at.desc(), outbox.c.priority, outbox.c.key)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if as_of is not None:
        query = query.where(outbox.c.as_of == as_of)
    with engine.connect() as connection:
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
