"""The champion's registry: which model scores, since when, and why it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Engine, RowMapping, insert, select

from customer_health.ledger.connect import serialise, writing
from customer_health.ledger.schema import champions
from customer_health.ledger.scores import plain


@dataclass(frozen=True)
class ChampionRecord:
    """One promotion.

    Attributes:
        model_id: Identity of the model; written on every score that it makes.
        folder: Where its artefact lies.
        sha256: What the artefact must hash to, per file; checked before a parser sees it.
        decision: "model", or "rules" when no candidate earned its place.
        why: The reason in one sentence.
        trained_as_of: The day whose knowledge it was trained on; it may score that day and later ones.
        summary: Its evaluation, JSON-able.
        promoted_at: When; None until it is in the registry.
    """

    model_id: str
    folder: str
    sha256: Mapping[str, str]
    decision: str
    why: str
    trained_as_of: date
    summary: Mapping[str, Any] = field(default_factory=dict)
    promoted_at: datetime | None = None


def promote(engine: Engine, record: ChampionRecord, *, at: datetime | None = None) -> ChampionRecord:
    """Make `record` the champion. Promoting what already is champion changes nothing.

    Args:
        engine: The ledger.
        record: The promotion.
        at: When, zone-aware; defaults to the midnight of `trained_as_of`.

    Returns:
        The record as the registry now has it.
    """
    when = at or record.promoted_at or datetime.combine(record.trained_as_of, time(), UTC)
    values = {
        "model_id": record.model_id,
        "folder": str(record.folder),
        "sha256": plain(record.sha256),
        "decision": record.decision,
        "why": record.why,
        "trained_as_of": record.trained_as_of,
        "summary": plain(record.summary),
    }
    with writing(engine) as connection:
        serialise(connection, "champions")
        newest = (
            connection.execute(select(champions).order_by(champions.c.id.desc()).limit(1)).mappings().first()
        )
        if newest and all(newest[name] == value for name, value in values.items()):
            return _record(newest)
        connection.execute(insert(champions).values(promoted_at=when, **values))
    return ChampionRecord(**values, promoted_at=when)


def current(engine: Engine, *, as_of: date | None = None) -> ChampionRecord | None:
    """Return the champion, or None when nothing was ever promoted.

    Args:
        engine: The ledger.
        as_of: Only consider models trained on that day's knowledge or older: scoring a past day
            with a model that has seen its future would flatter every back-filled score.
    """
    query = select(champions).order_by(champions.c.id.desc()).limit(1)
    if as_of is not None:
        query = query.where(champions.c.trained_as_of <= as_of)
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return _record(row) if row else None


def history(engine: Engine) -> list[ChampionRecord]:
    """Return every promotion, newest first; the second is what a rollback returns to."""
    with engine.connect() as connection:
        rows = connection.execute(select(champions).order_by(champions.c.id.desc())).mappings().all()
    return [_record(row) for row in rows]


def _record(row: RowMapping) -> ChampionRecord:
    return ChampionRecord(**{name: value for name, value in row.items() if name != "id"})
