"""Episodes as stored, one row per Red spell; playbooks/episode_lifecycle.py opens and closes them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, or_, select

from customer_health.ledger.schema import episodes, holdout

_NAMESPACE = uuid.UUID("0f9d7a52-3c55-5f1c-8f7a-6d5b0c0a9e01")


@dataclass(frozen=True)
class Episode:
    """A spell of trouble of one account, from its first Red reading to a recovery that lasts.

    Attributes:
        episode_id: Deterministic: the same account and opening day give the same id.
        account_id: The account.
        opened_as_of: Day whose score opened it.
        opened_at: When that was decided, zone-aware.
        opened_score: The shown score of that day.
        previous_score: The one before, if there was any.
        inherited: It was Red before we watched (or had no earlier score): no alert is due.
        red_since: First day of the unbroken run of Red readings; may lie before `opened_as_of`.
        arr: ARR at opening.
        segment: Segment at opening.
        owner: Who owned the account at opening.
        lowest_score: The lowest shown score so far.
        suppressed_reason: Why the human plays were not started (the zombie filter).
        recovered_as_of: First of the readings that closed it.
        closed_as_of: Day that closed it; None while it is open.
        outcome: "recovered", or "left" when the account is no longer a customer.
        cause: What explains the fall: "customer", "calendar" (the renewal came into sight) or "model".
        red_model_id: The model of its latest Red reading.
        recovery_cause: "model" when another model than that one lifted it above Red: nobody saved it.
    """

    episode_id: str
    account_id: str
    opened_as_of: date
    opened_at: datetime
    opened_score: int
    previous_score: int | None
    inherited: bool
    red_since: date
    arr: float | None
    segment: str | None
    owner: str | None
    lowest_score: int
    suppressed_reason: str | None = None
    recovered_as_of: date | None = None
    closed_as_of: date | None = None
    outcome: str | None = None
    cause: str | None = None
    red_model_id: str | None = None
    recovery_cause: str | None = None


def episode_id(account_id: str, opened_as_of: date) -> str:
    """Return the id of the episode of `account_id` that opens on that day, e.g. ep-20261121-3fa2b1c9d0e4."""
    return f"ep-{opened_as_of:%Y%m%d}-{uuid.uuid5(_NAMESPACE, account_id).hex[:12]}"


def in_force(connection: Connection, as_of: date) -> dict[str, Episode]:
    """Return the episodes that are open for a run of `as_of`, by account.

    One that this very day closed counts as open: a re-run of the day decides about it afresh.
    """
    c = episodes.c
    query = select(episodes).where(or_(c.closed_as_of.is_(None), c.closed_as_of >= as_of))
    rows = connection.execute(query.where(c.opened_as_of <= as_of)).mappings()
    return {row["account_id"]: episode_of(row) for row in rows}


def save(connection: Connection, changed: Iterable[Episode]) -> None:
    """Insert or replace episodes by their id."""
    rows = [asdict(episode) for episode in changed]
    for row in rows:
        connection.execute(delete(episodes).where(episodes.c.episode_id == row["episode_id"]))
    if rows:
        connection.execute(insert(episodes), rows)


def all_of(engine: Engine, account_id: str | None = None) -> list[Episode]:
    """Return every episode, of one account or of all, oldest first."""
    query = select(episodes).order_by(episodes.c.opened_as_of, episodes.c.account_id)
    if account_id is not None:
        query = query.where(episodes.c.account_id == account_id)
    with engine.connect() as connection:
        return [episode_of(row) for row in connection.execute(query).mappings()]


def drawn(connection: Connection, until: date) -> list[tuple[Episode, str]]:
    """Return the episodes whose account was drawn for the holdout by a day, each with its arm."""
    query = (
        select(episodes, holdout.c.arm)
        .join(holdout, holdout.c.episode_id == episodes.c.episode_id)
        .where(holdout.c.as_of <= until)
    )
    return [(episode_of(row), row["arm"]) for row in connection.execute(query).mappings()]


def open_or_closed_since(connection: Connection, day: date) -> list[Episode]:
    """Return the episodes that are open, or closed on `day` or later."""
    recent = or_(episodes.c.closed_as_of.is_(None), episodes.c.closed_as_of >= day)
    return [episode_of(row) for row in connection.execute(select(episodes).where(recent)).mappings()]


def every(connection: Connection) -> list[Episode]:
    """Return every episode, inside the caller's transaction."""
    return [episode_of(row) for row in connection.execute(select(episodes)).mappings()]


def episode_of(row: RowMapping) -> Episode:
    """Return an episode from its row."""
    return Episode(**{field.name: row[field.name] for field in fields(Episode)})
