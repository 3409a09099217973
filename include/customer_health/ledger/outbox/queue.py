"""The outbox: promises under unique keys, and the leases under which they are kept.

The states of a row, and every step from one to the next, are in ledger/outbox/transitions.py. What a row
waits for stands in its payload, where its reader sees it too: `approval` with `expires_at`, `not_before`, and
`parent_key`, the message that must be delivered first because this one belongs to it.

What a person does with the outbox (look, resend) is in admin.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from customer_health.effects.effect import Effect
from customer_health.ledger import kill_switches
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import transitions
from customer_health.ledger.outbox.retired import retired, there
from customer_health.ledger.outbox.transitions import OPEN_STATES, Claim
from customer_health.ledger.schema import outbox, retired_effects
from customer_health.ledger.scores import plain

PRIORITY: Mapping[str, int] = {
    "notify": 1,
    "reply": 2,
    "update_message": 2,
    "create_task": 3,
    "set_fields": 9,
}
_BATCH = 500
# States in which a row may be taken, and the column that says from when.
_DUE = ((("pending", "unknown"), "not_before"), (("claimed", "checking"), "lease_until"))


def add(connection: Connection, effects: Iterable[Effect], *, now: datetime) -> set[str]:
    """Promise `effects` inside the caller's transaction; a key that exists is left alone.

    Returns:
        The keys that are new.
    """
    unique = {effect.key: effect for effect in effects}
    new = unique.keys() - existing(connection, unique).keys()
    rows = [
        {
            "key": effect.key,
            "destination": effect.destination,
            "verb": effect.verb,
            "account_id": effect.account_id,
            "as_of": effect.as_of,
            "playbook": effect.playbook,
            "step": effect.step,
            "episode_id": effect.episode_id,
            "payload": plain(effect.payload),
            "state": "awaiting_approval" if effect.payload.get("approval") == "required" else "pending",
            "priority": PRIORITY.get(effect.verb, 5),
            "attempts": 0,
            "fence": 0,
            "not_before": instant(effect.payload.get("not_before")) or now,
            "expires_at": instant(effect.payload.get("expires_at")),
            "after_key": effect.payload.get("parent_key"),
            "created_at": now,
        }
        for key, effect in unique.items()
        if key in new
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(outbox).on_conflict_do_nothing(index_elements=["key"])
    for start in range(0, len(rows), _BATCH):
        connection.execute(statement, rows[start : start + _BATCH])
    return set(new)


def existing(connection: Connection, keys: Iterable[str]) -> dict[str, date]:
    """Return those of `keys` that were promised before, with the day whose score asked for them.

    Also those whose rows were let go. The outbox is asked first: a row that is moved in between is found in
    the second table, and never in neither.
    """
    wanted, found = list(keys), dict[str, date]()
    query = select(outbox.c.key, outbox.c.as_of)
    for start in range(0, len(wanted), _BATCH):
        some = connection.execute(query.where(outbox.c.key.in_(wanted[start : start + _BATCH])))
        found.update({row.key: row.as_of for row in some})
    return found | retired(connection, [key for key in wanted if key not in found])


def claim(
    engine: Engine,
    destination: str,
    *,
    worker: str,
    now: datetime,
    limit: int,
    lease: timedelta,
    grace: timedelta,
    verb: str = "",
) -> list[Claim]:
    """Take up to `limit` due rows of one destination under a lease; two workers never get the same row.

    Args:
        engine: The ledger.
        destination: Whose rows.
        worker: Name of the taker, for the delivery log.
        now: The present.
        limit: How many at most.
        lease: How long they are the worker's.
        grace: How long after a send without outcome the destination may still be committing it.
        verb: Only effects of this verb; empty for all.
    """
    with writing(engine) as connection:
        _reap(connection, destination, now, grace)
        if destination in kill_switches.stopped(connection, "destination"):
            return []
        rows = _next(connection, destination, verb, now, limit)
        claims = []
        for row in rows:
            must_find = row["state"] in ("unknown", "checking")
            effect = with_parent(connection, effect_of(row), row["after_key"])
            taken = Claim(effect, row["fence"] + 1, row["attempts"], must_find, worker, now + lease)
            claims.append(taken)
        ours = transitions.move(connection, [transitions.claimed(taken) for taken in claims], now=now)
    return [taken for taken, mine in zip(claims, ours, strict=True) if mine]


def _next(connection: Connection, destination: str, verb: str, now: datetime, limit: int) -> list[RowMapping]:
    """Lock the next due rows of a destination, in the order of their turn."""
    c = outbox.c
    found: list[RowMapping] = []
    # State by state, each in the order of an index: all at once, a night of 100,000 rows would be sorted
    # for every few that are taken.
    for states, since in _DUE:
        for state in states:
            query = (
                select(outbox)
                .where(c.destination == destination, c.state == state, c[since] <= now)
                .where(c.verb == verb if verb else true(), _in_turn())
                .order_by(c.priority, c.created_at, c.key)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            found.extend(connection.execute(query).mappings())
    return sorted(found, key=lambda row: (row["priority"], row["created_at"], row["key"]))[:limit]


def due(engine: Engine, destination: str, verb: str, *, now: datetime) -> int:
    """Return how many effects of a verb a worker could claim now."""
    c = outbox.c
    query = select(func.count()).where(c.destination == destination, c.verb == verb, _due(now))
    with engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)


def next_due(engine: Engine, destination: str) -> datetime | None:
    """Return when the earliest waiting effect of a destination may leave; None when none waits."""
    with engine.connect() as connection:
        query = select(func.min(outbox.c.not_before)).where(
            outbox.c.destination == destination, outbox.c.state.in_(("pending", "unknown"))
        )
        due: datetime | None = connection.execute(query).scalar()
    return due


def effect_of(row: Mapping[Any, Any]) -> Effect:
    """Return the effect that an outbox row promises."""
    names: Sequence[str] = Effect.__match_args__
    return Effect(**{name: row[name] for name in names})


def instant(text: str | None) -> datetime | None:
    """Return an instant from its ISO form in a payload."""
    return None if text is None else datetime.fromisoformat(text)


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(*(and_(outbox.c.state.in_(states), outbox.c[since] <= now) for states, since in _DUE))


def _in_turn() -> ColumnElement[bool]:
    """A row that belongs to a message waits until that is delivered, and for its elder siblings.

    A message whose row was let go is still where it was delivered; its remote id was kept. What can never be
    delivered ends what belongs to it (outbox_queries.orphans).
    """
    parent, elder, old = outbox.alias("parent"), outbox.alias("elder"), retired_effects
    delivered = or_(
        exists().where(parent.c.key == outbox.c.after_key, parent.c.state == "delivered"),
        exists().where(old.c.key == outbox.c.after_key, there(old)),
    )
    unsettled = exists().where(
        elder.c.after_key == outbox.c.after_key,
        elder.c.state.in_(OPEN_STATES),
        or_(
            elder.c.created_at < outbox.c.created_at,
            # Edits of one moment: their steps are numbered.
            and_(
                elder.c.created_at == outbox.c.created_at,
                elder.c.verb == outbox.c.verb,
                elder.c.step < outbox.c.step,
            ),
        ),
    )
    return or_(outbox.c.after_key.is_(None), and_(delivered, ~unsettled))


def with_parent(connection: Connection, effect: Effect, parent_key: str | None) -> Effect:
    """Add the remote id of the message that the effect belongs to: a thread or an edit needs it."""
    if parent_key is None:
        return effect
    remote = connection.execute(select(outbox.c.remote_id).where(outbox.c.key == parent_key)).scalar()
    if remote is None:
        old = retired_effects
        remote = connection.execute(select(old.c.remote_id).where(old.c.key == parent_key)).scalar()
    return replace(effect, payload={**effect.payload, "parent_remote_id": remote})


def _reap(connection: Connection, destination: str, now: datetime, grace: timedelta) -> None:
    """Rows whose worker died while sending become unknown, to be looked for once grace has passed."""
    c = outbox.c
    query = (
        select(c.key, c.fence, c.worker, c.sending_at, c.attempts)
        .where(c.destination == destination, c.state == "sending", c.lease_until <= now)
        .with_for_update(skip_locked=True)
    )
    lapsed = connection.execute(query).mappings().all()
    transitions.move(connection, [transitions.lapsed(row, grace=grace) for row in lapsed], now=now)
