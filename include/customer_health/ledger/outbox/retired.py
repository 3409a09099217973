"""Effects whose rows were let go: what forbids a second sending outlives them.

An outbox row is large: payload, log, indexes. Long after an effect was settled nobody reads it, but its key
must stay for ever, because a back-filled day or a replayed run would promise it again. So a row is moved in
one transaction: out of the outbox, into `retired_effects`, which holds its key and what an erasure must be
able to name at the destination. `queue.existing` asks both tables.

What stays in the outbox, however old: what is open or was refused, everything of an open episode, a message
to which a row that stays belongs, the newest field values of an account, and tasks and opportunities, which
people look up by account and whose outcomes are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, exists, insert, or_, select

from customer_health.ledger.engine import writing
from customer_health.ledger.schema import deliveries, episodes, outbox, retired_effects, task_states
from customer_health.retention_config import RetentionConfig

SETTLED = ("delivered", "declined", "expired", "folded", "superseded")
FIELDS = "set_fields"
KEPT = ("create_task", "create_opportunity")
_BATCH = 500
_IN_ONE_GO = 1_000  # rows a transaction: a delivery never waits for a year's clean-up


def retire(engine: Engine, keep: RetentionConfig, today: date) -> int:
    """Move settled rows that `keep` no longer keeps on `today`; return how many."""
    count = 0
    while moved := _move(engine, keep, today):
        count += moved
    return count


def retired(connection: Connection, keys: Iterable[str]) -> dict[str, date]:
    """Return those of `keys` whose rows were let go, with the day whose score asked for them."""
    wanted, found = list(keys), dict[str, date]()
    query = select(retired_effects.c.key, retired_effects.c.as_of)
    for start in range(0, len(wanted), _BATCH):
        some = query.where(retired_effects.c.key.in_(wanted[start : start + _BATCH]))
        found.update({row.key: row.as_of for row in connection.execute(some)})
    return found


def there(effects: Table) -> ColumnElement[bool]:
    """Say of rows that were let go which are of effects that stand at their destination, under a known id."""
    return and_(effects.c.state == "delivered", effects.c.remote_id.is_not(None))


def _move(engine: Engine, keep: RetentionConfig, today: date) -> int:
    with writing(engine) as connection:
        old = select(outbox).where(_done(keep, today)).limit(_IN_ONE_GO).with_for_update(skip_locked=True)
        rows = connection.execute(old).mappings().all()
        if not rows:
            return 0
        names = [column.name for column in retired_effects.columns]
        # A field update's remote id is the CRM's id of the account, which every other row has.
        kept = [
            {name: None if (name, row["verb"]) == ("remote_id", FIELDS) else row[name] for name in names}
            for row in rows
        ]
        connection.execute(insert(retired_effects), kept)
        keys = [row["key"] for row in rows]
        for start in range(0, len(keys), _BATCH):
            part = keys[start : start + _BATCH]
            connection.execute(delete(deliveries).where(deliveries.c.key.in_(part)))
            connection.execute(delete(outbox).where(outbox.c.key.in_(part)))
    return len(rows)


def _done(keep: RetentionConfig, today: date) -> ColumnElement[bool]:
    c, newer, child = outbox.c, outbox.alias("newer"), outbox.alias("child")
    overtaken = exists().where(
        newer.c.account_id == c.account_id,
        newer.c.destination == c.destination,
        newer.c.verb == c.verb,
        newer.c.as_of > c.as_of,
        newer.c.state == "delivered",
    )
    values = and_(c.verb == FIELDS, c.as_of < today - timedelta(days=keep.field_updates), overtaken)
    acts = and_(
        c.verb.not_in((FIELDS, *KEPT)),
        c.as_of < today - timedelta(days=keep.effects),
        ~exists().where(episodes.c.episode_id == c.episode_id, episodes.c.closed_as_of.is_(None)),
    )
    needed = exists().where(child.c.after_key == c.key)
    followed = exists().where(task_states.c.effect_key == c.key)
    return and_(c.state.in_(SETTLED), or_(values, acts), ~needed, ~followed)
