"""One account's story in the ledger: its episodes, what people did in them, tasks, and what people say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, select

from customer_health.ledger.schema import (
    account_owners,
    episode_events,
    episodes,
    outbox,
    overrides,
    pulses,
    score_signals,
    task_states,
)

_AT_ONCE = 500


def episodes_of(engine: Engine, account_id: str) -> list[RowMapping]:
    """Return the account's episodes, oldest first."""
    query = select(episodes).where(episodes.c.account_id == account_id)
    return _rows(engine, query.order_by(episodes.c.opened_as_of))


def events_of(engine: Engine, episode_ids: Sequence[str]) -> list[RowMapping]:
    """Return what people and clocks did with some episodes, oldest first."""
    c = episode_events.c
    query = select(episode_events).where(c.episode_id.in_(list(episode_ids)[-_AT_ONCE:]))
    return _rows(engine, query.order_by(c.at, c.id))


def alerts_of(engine: Engine, account_id: str) -> list[RowMapping]:
    """Return `as_of`, `state` and `payload` of the messages about one account that opened a thread."""
    c = outbox.c
    query = select(c.as_of, c.state, c.delivered_at, c.remote_id, c.payload)
    query = query.where(c.account_id == account_id, c.verb == "notify", c.state == "delivered")
    return _rows(engine, query.order_by(c.as_of))


def tasks_of(engine: Engine, account_id: str, limit: int = 50) -> list[RowMapping]:
    """Return the tasks about one account, newest first, with `status` and `task_owner` of the CRM."""
    c, t = outbox.c, task_states.c
    query = (
        select(outbox, t.status, t.owner.label("task_owner"), t.completed_at, t.outcome)
        .select_from(outbox)
        .join(task_states, t.effect_key == c.key, isouter=True)
        .where(c.account_id == account_id, c.verb == "create_task")
        .where(c.state.not_in(("declined", "expired", "superseded", "folded")))
    )
    return _rows(engine, query.order_by(c.as_of.desc(), c.key).limit(limit))


def owners_of(engine: Engine, account_id: str) -> tuple[str | None, str | None] | None:
    """Return owner and manager of an account on its newest published day; None if it was never published."""
    c = account_owners.c
    query = select(c.owner_email, c.manager_email).where(c.account_id == account_id)
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else (row.owner_email, row.manager_email)


def override_of(engine: Engine, account_id: str, now: datetime) -> RowMapping | None:
    """Return the override that holds for an account at a moment, or None."""
    c = overrides.c
    query = select(overrides).where(c.account_id == account_id, c.at <= now, c.ended_at.is_(None))
    query = query.where(c.expires_on >= now.date())
    return next(iter(_rows(engine, query.order_by(c.at.desc(), c.id.desc()).limit(1))), None)


def pulses_of(engine: Engine, account_id: str, limit: int = 5) -> list[RowMapping]:
    """Return what the CSM felt about an account, newest first."""
    query = select(pulses).where(pulses.c.account_id == account_id)
    return _rows(engine, query.order_by(pulses.c.at.desc(), pulses.c.id.desc()).limit(limit))


def signal_of(engine: Engine, account_id: str, as_of: date, name: str) -> float | None:
    """Return one signal as the score of a day was made from it; None where it was unknown."""
    c = score_signals.c
    query = select(c.signals).where(c.account_id == account_id, c.as_of == as_of)
    with engine.connect() as connection:
        known = connection.execute(query).scalar()
    value = (known or {}).get(name)
    return None if value is None else float(value)


def _rows(engine: Engine, query: Select[Any]) -> list[RowMapping]:
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())
