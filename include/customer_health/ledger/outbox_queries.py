"""What playbooks, KPIs, pages and the simulator ask about promised effects. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, RowMapping, and_, case, func, not_, or_, select
from sqlalchemy import exists as sql_exists

from customer_health.ledger.outbox.retired import there
from customer_health.ledger.schema import holdout, outbox, retired_effects, score_runs, scores

_C = outbox.c
REVIEW_TASK = "schedule_ebr"  # type of the task that asks for a business review
# State of a message that will never be sent -> why what belongs to it will not be either.
_UNSENT = {
    "folded": "its message went into a digest",
    "declined": "its message was declined",
    "expired": "nobody approved its message in time",
    "superseded": "its message was replaced by something newer",
}
# What was rendered to a file was previewed, not delivered (destinations/preview.py names the files so).
_SHOWN = case(
    (and_(_C.state == "delivered", _C.remote_id.like("____-__-__/%/%.json")), "previewed"), else_=_C.state
).label("shown")


def last_acted(connection: Connection, before: date, playbooks: Sequence[str]) -> dict[tuple[str, str], date]:
    """Return the latest day before `before` on which (account, playbook) promised anything."""
    query = (
        select(_C.account_id, _C.playbook, func.max(_C.as_of).label("last"))
        .where(_C.playbook.in_(playbooks), _C.as_of < before)
        .group_by(_C.account_id, _C.playbook)
    )
    return {(row.account_id, row.playbook): row.last for row in connection.execute(query)}


def reviews_asked_for(connection: Connection, *, after: date, before: date) -> dict[str, date]:
    """Return the latest day strictly in between on which a business review was asked for, by account."""
    asked = or_(_C.verb == "propose_meeting", _C.payload["type"].as_string() == REVIEW_TASK)
    query = (
        select(_C.account_id, func.max(_C.as_of).label("last"))
        .where(_C.as_of > after, _C.as_of < before, asked, _C.state.not_in((*_UNSENT, "rejected")))
        .group_by(_C.account_id)
    )
    return {row.account_id: row.last for row in connection.execute(query)}


def latest_fields(
    connection: Connection, playbooks: Sequence[str], verb: str, *, after: date, before: date
) -> dict[str, Mapping[str, Any]]:
    """Return the fields that some playbooks last wrote, by account, of the days strictly in between."""
    query = (
        select(_C.account_id, _C.payload)
        .where(_C.playbook.in_(playbooks), _C.verb == verb)
        .where(_C.as_of < before, _C.as_of > after, _C.state != "rejected")
        .order_by(_C.as_of)
    )
    return {row.account_id: row.payload["fields"] for row in connection.execute(query)}


def payloads_of_day(connection: Connection, as_of: date, verb: str) -> dict[str, Mapping[str, Any]]:
    """Return the payloads of a day's effects of one verb, by key."""
    query = select(_C.key, _C.payload).where(_C.as_of == as_of, _C.verb == verb)
    return {row.key: row.payload for row in connection.execute(query)}


def payloads_since(
    connection: Connection, verb: str, since: datetime, *, without: Collection[str]
) -> list[tuple[str, date, Mapping[str, Any]]]:
    """Return account_id, as_of and payload of one verb, promised since an instant, in none of some states."""
    query = select(_C.account_id, _C.as_of, _C.payload).where(
        _C.verb == verb, _C.created_at >= since, _C.state.not_in(without)
    )
    return [(account, as_of, payload) for account, as_of, payload in connection.execute(query)]


def tasks_before(engine: Engine, day: date, *, without: Collection[str]) -> list[Row[Any]]:
    """Return key, account_id, as_of and payload of tasks that earlier days asked for, by day and key."""
    query = (
        select(_C.key, _C.account_id, _C.as_of, _C.payload)
        .where(_C.verb == "create_task", _C.as_of < day, _C.state.not_in(without))
        .order_by(_C.as_of, _C.key)
    )
    with engine.connect() as connection:
        return list(connection.execute(query))


def episodes_by_task(connection: Connection) -> dict[str, str]:
    """Return the episode of every task, by the key of its effect."""
    query = select(_C.key, _C.episode_id).where(_C.verb == "create_task")
    return {row.key: row.episode_id for row in connection.execute(query)}


def episodes_in_play(connection: Connection) -> frozenset[str]:
    """Return the episodes for which somebody was asked to do something: approved, and not held out."""
    held = select(holdout.c.account_id).where(holdout.c.arm == "held_out")
    query = select(_C.episode_id).where(
        _C.verb == "create_task", _C.state != "awaiting_approval", _C.account_id.not_in(held)
    )
    return frozenset(connection.execute(query.distinct()).scalars())


def orphans(connection: Connection) -> list[tuple[RowMapping, str]]:
    """Return waiting edits and replies of messages that will never be delivered, each with the reason.

    A refused message is none of these: a person may send it again. Nor is one that was delivered and whose
    row was let go: it still stands in its channel.
    """
    parent, old = outbox.alias("parent"), retired_effects
    lost = and_(parent.c.key.is_(None), or_(old.c.key.is_(None), not_(there(old))))
    query = (
        select(outbox, parent.c.state.label("of_message"))
        .outerjoin(parent, parent.c.key == _C.after_key)
        .outerjoin(old, old.c.key == _C.after_key)
        .where(_C.state == "pending", _C.after_key.is_not(None))
        .where(or_(parent.c.state.in_(tuple(_UNSENT)), lost))
    )
    rows = connection.execute(query).mappings().all()
    return [(row, _UNSENT.get(row["of_message"], "its message is not kept any more")) for row in rows]


def count_of_cycle(connection: Connection, playbook: str, cycle_id: str) -> int:
    """Return how many effects a playbook has promised for one cycle."""
    query = select(func.count()).where(_C.playbook == playbook, _C.episode_id == cycle_id)
    return int(connection.execute(query).scalar_one())


def counts_by_state(connection: Connection, states: Collection[str]) -> dict[str, int]:
    """Return how many effects are in each of some states."""
    query = select(_C.state, func.count()).where(_C.state.in_(states)).group_by(_C.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def counts_of_day(engine: Engine, as_of: date) -> list[tuple[str, str, str, int]]:
    """Return (playbook, verb, state as people read it, effects) of one day, by playbook."""
    query = (
        select(_C.playbook, _C.verb, _SHOWN, func.count().label("n"))
        .where(_C.as_of == as_of)
        .group_by(_C.playbook, _C.verb, _SHOWN)
        .order_by(_C.playbook, _C.verb, _SHOWN)
    )
    with engine.connect() as connection:
        return [(row.playbook, row.verb, row.shown, row.n) for row in connection.execute(query)]


def total(engine: Engine) -> int:
    """Return how many effects were ever promised."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())


def listing(engine: Engine, *, account_id: str = "", state: str = "", limit: int) -> list[RowMapping]:
    """Return promised effects, newest first, each with the account's name on the newest published day."""
    newest = select(func.max(score_runs.c.as_of)).scalar_subquery()
    named = and_(scores.c.account_id == _C.account_id, scores.c.as_of == newest)
    query = select(outbox, scores.c.name).select_from(outbox).join(scores, named, isouter=True)
    if account_id:
        query = query.where(_C.account_id == account_id)
    if state:
        query = query.where(_C.state == state)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(_C.created_at.desc(), _C.key).limit(limit)).mappings())


def counts_by_destination(engine: Engine) -> list[RowMapping]:
    """Return destination, state as `shown`, `effects` and `last` (delivery) of every pair that occurs."""
    groups = (_C.destination, _SHOWN)
    query = select(*groups, func.count().label("effects"), func.max(_C.delivered_at).label("last"))
    with engine.connect() as connection:
        return list(connection.execute(query.group_by(*groups).order_by(*groups)).mappings())


def newest_delivered(engine: Engine, destination: str, since: datetime) -> RowMapping | None:
    """Return the row that was delivered last to a destination since a moment; None without one."""
    c = outbox.c
    query = select(outbox).where(
        c.destination == destination, c.state == "delivered", c.verb != "set_fields", c.delivered_at >= since
    )
    with engine.connect() as connection:
        return connection.execute(query.order_by(c.delivered_at.desc(), c.key).limit(1)).mappings().first()


def exists(engine: Engine, key: str) -> bool:
    """Whether there is an effect with this key."""
    with engine.connect() as connection:
        return connection.execute(select(outbox.c.key).where(outbox.c.key == key)).first() is not None


def waiting_since(engine: Engine, now: datetime) -> dict[str, datetime]:
    """Return, per destination where any effect is due, since when the oldest has waited.

    What belongs to a message that waits for a person waits for that person, and not for a delivery.
    """
    due = _C.state.in_(("pending", "unknown")) & (_C.not_before <= now)
    message = outbox.alias("message")
    for_person = sql_exists().where(
        message.c.key == _C.after_key, message.c.state.in_(("rejected", "awaiting_approval"))
    )
    query = select(_C.destination, func.min(_C.not_before)).where(due, ~for_person).group_by(_C.destination)
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
