"""One Slack message per episode: which one it is, what it was last made to say, what its thread says."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, RowMapping, select

from customer_health.ledger.schema import episode_events, episodes, outbox

PORTFOLIO = "portfolio"
# States in which a message will never appear, so that nothing can hang on it.
NEVER = ("folded", "declined", "expired", "rejected")
_BATCH = 500


def told(connection: Connection) -> set[str]:
    """Return the episodes that have a message of their own, sent or on its way."""
    c = outbox.c
    query = select(c.episode_id).where(
        c.verb == "notify", c.account_id != PORTFOLIO, c.state.not_in(NEVER), c.after_key.is_(None)
    )
    return set(connection.execute(query).scalars())


def parents(connection: Connection, episode_ids: Iterable[str]) -> dict[str, RowMapping]:
    """Return each episode's message, the oldest if there are several."""
    c = outbox.c
    query = select(outbox).where(
        c.verb == "notify", c.account_id != PORTFOLIO, c.state.not_in(NEVER), c.after_key.is_(None)
    )
    found: dict[str, RowMapping] = {}
    ids = list(episode_ids)
    for start in range(0, len(ids), _BATCH):
        some = query.where(c.episode_id.in_(ids[start : start + _BATCH])).order_by(c.created_at, c.key)
        for row in connection.execute(some).mappings():
            found.setdefault(row["episode_id"], row)
    return found


def children(connection: Connection, parent_keys: Iterable[str]) -> dict[str, list[RowMapping]]:
    """Return what was promised after each message, oldest first: edits and replies."""
    c = outbox.c
    found: dict[str, list[RowMapping]] = {}
    keys = list(parent_keys)
    for start in range(0, len(keys), _BATCH):
        query = select(outbox).where(c.after_key.in_(keys[start : start + _BATCH]))
        for row in connection.execute(query.order_by(c.created_at, c.step)).mappings():
            found.setdefault(row["after_key"], []).append(row)
    return found


def awaiting_ack(engine: Engine) -> list[RowMapping]:
    """Return delivered messages of open episodes, for those who poll reactions: key, remote id, episode."""
    seen = select(episode_events.c.episode_id).where(episode_events.c.kind == "acknowledged")
    query = (
        select(outbox.c.key, outbox.c.remote_id, outbox.c.episode_id, outbox.c.account_id)
        .join(episodes, episodes.c.episode_id == outbox.c.episode_id)
        .where(outbox.c.verb == "notify", outbox.c.state == "delivered", episodes.c.closed_as_of.is_(None))
        .where(outbox.c.episode_id.not_in(seen))
        .order_by(outbox.c.delivered_at)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())
