"""The champion's registry: which model scores, since when, and why it was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from customer_health.errors import ConfigurationError, suggest
from customer_health.ledger.approvers import check_approver
from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.schema import challengers, champions
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


def rollback(
    engine: Engine, *, by: str, reason: str, at: datetime, to: str | None = None, as_of: date | None = None
) -> ChampionRecord:
    """Make an earlier champion champion again.

    Args:
        engine: The ledger.
        by: Who did it.
        reason: Why; both are kept in the registry.
        at: When, zone-aware.
        to: Id of the model to return to; default: the one before the present champion.
        as_of: Look at the registry as scoring of that day does.

    Raises:
        ConfigurationError: There is no such model, or none before.
    """
    present = current(engine, as_of=as_of)
    past = [record for record in history(engine) if present is None or record.model_id != present.model_id]
    known = list(dict.fromkeys(record.model_id for record in past))
    wanted = next((record for record in past if to in (None, record.model_id)), None)
    if present is None or wanted is None:
        raise ConfigurationError(
            f"There is no earlier model '{to}' to return to." if to else "There is no earlier model.",
            hint=suggest(to, known)
            if to and known
            else "Models so far: " + (", ".join(known) or "none") + ".",
        )
    why = f"Rolled back from {present.model_id} by {by}: {reason} (It was chosen because: {wanted.why})"
    return promote(engine, replace(wanted, why=why, promoted_at=None), at=at)


def propose(engine: Engine, record: ChampionRecord, *, state: str, reason: str) -> None:
    """Keep a training that does not take over: "held" by a gate, or "pending" for a person.

    A younger pending one replaces an older: only the latest can be approved.
    """
    values = {
        "folder": str(record.folder),
        "sha256": plain(record.sha256),
        "decision": record.decision,
        "why": record.why,
        "trained_as_of": record.trained_as_of,
        "summary": plain(record.summary),
        "state": state,
        "reason": reason,
    }
    with writing(engine) as connection:
        serialise(connection, "champions")
        known = connection.execute(
            select(challengers.c.state).where(challengers.c.model_id == record.model_id)
        ).scalar()
        if known in ("approved", "rejected"):
            return  # a person has spoken; a repeated training does not ask again
        stale = challengers.c.state == "pending"
        connection.execute(
            update(challengers).where(stale).values(state="held", reason="A younger one came.")
        )
        connection.execute(delete(challengers).where(challengers.c.model_id == record.model_id))
        connection.execute(insert(challengers).values(model_id=record.model_id, **values))


def pending(engine: Engine) -> ChampionRecord | None:
    """Return the training that waits for a person's approval, or None."""
    with engine.connect() as connection:
        query = select(challengers).where(challengers.c.state == "pending")
        row = connection.execute(query).mappings().first()
    return _challenger(row) if row else None


def held_last(engine: Engine, *, before: date) -> ChampionRecord | None:
    """Return the youngest training before a day that a gate held back, or None."""
    query = select(challengers).where(challengers.c.state == "held", challengers.c.trained_as_of < before)
    with engine.connect() as connection:
        row = connection.execute(query.order_by(challengers.c.trained_as_of.desc())).mappings().first()
    return _challenger(row) if row else None


def resolve(
    engine: Engine,
    model_id: str,
    *,
    approve: bool,
    by: str,
    at: datetime,
    reason: str = "",
    approvers: Sequence[str] = (),
) -> ChampionRecord | None:
    """Approve a waiting or held training, which makes it champion, or reject it.

    Args:
        engine: The ledger.
        model_id: The training.
        approve: Yes or no.
        by: Who says so.
        at: When.
        reason: Why, if it was said; kept with the champion, or with the rejected training.
        approvers: Who may answer; empty for anybody.

    Returns:
        The new champion's record; None after a rejection.

    Raises:
        ConfigurationError: No such training is waiting.
        FatalError: `by` may not answer.
    """
    check_approver(by, approvers)
    with engine.connect() as connection:
        open_states = challengers.c.state.in_(("pending", "held"))
        rows = connection.execute(select(challengers).where(open_states)).mappings().all()
    row = next((row for row in rows if row["model_id"] == model_id), None)
    if row is None:
        raise ConfigurationError(
            f"The model '{model_id}' does not wait for approval.",
            hint=suggest(model_id, [str(row["model_id"]) for row in rows])
            if rows
            else "No model waits; a training that must be approved says so.",
        )
    record = _challenger(row)
    said = f": {reason.strip().rstrip('.')}" if reason.strip() else ""
    made = None
    if approve:
        made = promote(engine, replace(record, why=f"{record.why} Approved by {by}{said}."), at=at)
    word = "Approved" if approve else "Rejected"
    answer = {"state": word.lower(), "decided_by": by, "decided_at": at}
    if said:
        answer["reason"] = f"{row['reason'] or ''} {word}{said}.".strip()
    with writing(engine) as connection:
        connection.execute(update(challengers).where(challengers.c.model_id == model_id).values(answer))
    return made


def challenges(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """Return the trainings that did not take over automatically, newest first."""
    with engine.connect() as connection:
        query = select(challengers).order_by(challengers.c.trained_as_of.desc()).limit(limit)
        return [dict(row) for row in connection.execute(query).mappings()]


def measured_by(connection: Connection, as_of: date) -> tuple[str, dict[str, Any]] | None:
    """Return decision and summary of the champion of a day, inside the caller's transaction."""
    c = champions.c
    query = select(c.decision, c.summary).where(c.trained_as_of <= as_of).order_by(c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (row.decision, row.summary)


def last_training(engine: Engine) -> date | None:
    """Return the as-of date of the youngest training, whatever became of it."""
    with engine.connect() as connection:
        days = [
            connection.execute(select(func.max(table.c.trained_as_of))).scalar()
            for table in (champions, challengers)
        ]
    return max((day for day in days if day), default=None)


def _challenger(row: RowMapping) -> ChampionRecord:
    extra = ("state", "reason", "decided_by", "decided_at")
    return ChampionRecord(**{name: value for name, value in row.items() if name not in extra})


def _record(row: RowMapping) -> ChampionRecord:
    return ChampionRecord(**{name: value for name, value in row.items() if name != "id"})
