"""What people and clocks did with an episode: acknowledged, snoozed, judged; reminded, escalated.

Append-only events; `statuses_of` folds them. Knowing the same thing twice is one event, so a caller that
polls reactions or reads tasks may do it as often as they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite

from customer_health.errors import FatalError, suggest
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import episode_events, episodes

OUTCOMES = ("saved", "partly", "lost", "false_alarm", "not_actionable")
LONGEST_SNOOZE = timedelta(days=90)
_BATCH = 500


@dataclass(frozen=True)
class EpisodeStatus:
    """How an episode stands with people.

    Attributes:
        acknowledged_at: When somebody said "I am on it", and who (`acknowledged_by`).
        snoozed_until: Until when nobody wants to hear of it; with who and why.
        outcome: What a person judged it to be, one of `OUTCOMES`; with who and why.
        reminded_at: When the reminder was due.
        escalated_at: When it was escalated: 48 hours without a first step.
        begun_at: When the first step of its play was begun or completed, by the CRM.
    """

    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    snooze_reason: str | None = None
    outcome: str | None = None
    outcome_by: str | None = None
    outcome_reason: str | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    begun_at: datetime | None = None


def acknowledge(engine: Engine, episode_id: str, *, by: str, now: datetime) -> bool:
    """Note that somebody is on it; the first one counts. False when somebody was already."""
    with writing(engine) as connection:
        _must_exist(connection, episode_id)
        return note(connection, episode_id, "acknowledged", "first", now, by=by)


def objection(reason: str, until: date | None, *, now: datetime) -> dict[str, str]:
    """Return what speaks against a snooze (or, without an end, a judgement), by field; empty if nothing."""
    found = {}
    if len(reason.strip()) < 5:
        found["reason"] = "Say in a few words why."
    if until is not None and not now < datetime.combine(until, time(7), now.tzinfo) <= now + LONGEST_SNOOZE:
        found["until"] = f"Choose a day after today, at most {LONGEST_SNOOZE.days} days away."
    return found


def snooze(
    engine: Engine, episode_id: str, *, until: date, by: str, reason: str, now: datetime, ref: str = ""
) -> None:
    """Let an episode rest until the morning of a day: no reminder, no escalation. The clock runs on.

    Args:
        engine: The ledger.
        episode_id: Its id.
        until: The day.
        by: Who wants it.
        reason: Why.
        now: The present.
        ref: What makes a repetition the same event; empty if every call is one of its own.

    Raises:
        FatalError: No such episode, no reason, or an end that is past or more than 90 days away.
    """
    wrong = objection(reason, until, now=now)
    if "reason" in wrong:
        raise FatalError("A snooze needs its reason.", hint="Say in a few words why it can wait.")
    if "until" in wrong:
        raise FatalError(f"A snooze until {until} is not possible.", hint=wrong["until"])
    end = datetime.combine(until, time(7), now.tzinfo)
    with writing(engine) as connection:
        _must_exist(connection, episode_id)
        detail = {"until": end.isoformat(), "reason": reason.strip()}
        note(connection, episode_id, "snoozed", ref or now.isoformat(), now, by=by, detail=detail)


def record_outcome(
    engine: Engine, episode_id: str, outcome: str, *, by: str, reason: str, now: datetime, ref: str = ""
) -> None:
    """Record what became of an episode, as a person judges it; the latest judgement counts.

    `ref` is as for `snooze`.

    Raises:
        FatalError: No such episode, no such outcome, or no reason.
    """
    known = outcome_named(outcome)
    if known is None:
        raise FatalError(f"'{outcome}' is not an outcome.", hint=suggest(outcome, OUTCOMES))
    if len(reason.strip()) < 3:
        raise FatalError("An outcome needs its reason.", hint="Say in a few words what happened.")
    with writing(engine) as connection:
        _must_exist(connection, episode_id)
        detail = {"outcome": known, "reason": reason.strip()}
        note(connection, episode_id, "outcome", ref or now.isoformat(), now, by=by, detail=detail)


def outcome_named(text: str | None) -> str | None:
    """Return the outcome that a CRM's wording means; None for an unknown one."""
    word = (text or "").strip().lower().replace(" ", "_").replace("-", "_")
    word = {"partially": "partly", "partially_saved": "partly", "churned": "lost"}.get(word, word)
    return word if word in OUTCOMES else None


def note(
    connection: Connection,
    episode_id: str,
    kind: str,
    ref: str,
    at: datetime,
    *,
    by: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Append an event inside the caller's transaction; False when it was known already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(episode_events)
        .values(episode_id=episode_id, kind=kind, ref=ref[:64], at=at, by=by, detail=dict(detail or {}))
        .on_conflict_do_nothing(index_elements=["episode_id", "kind", "ref"])
    )
    return bool(connection.execute(statement).rowcount == 1)


def statuses_of(connection: Connection, episode_ids: Iterable[str]) -> dict[str, EpisodeStatus]:
    """Fold the events of some episodes; one without events has an empty `EpisodeStatus`."""
    ids = list(episode_ids)
    folded: dict[str, dict[str, Any]] = {episode_id: {} for episode_id in ids}
    for start in range(0, len(ids), _BATCH):
        some = select(episode_events).where(episode_events.c.episode_id.in_(ids[start : start + _BATCH]))
        for row in connection.execute(some.order_by(episode_events.c.id)).mappings():
            folded[row["episode_id"]].update(_fields(row))
    return {episode_id: EpisodeStatus(**values) for episode_id, values in folded.items()}


def events_of(engine: Engine, episode_id: str) -> list[RowMapping]:
    """Return everything that happened with an episode, oldest first."""
    query = select(episode_events).where(episode_events.c.episode_id == episode_id)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(episode_events.c.id)).mappings())


def _fields(row: RowMapping) -> dict[str, Any]:
    detail = row["detail"]
    match row["kind"]:
        case "acknowledged":
            return {"acknowledged_at": row["at"], "acknowledged_by": row["by"]}
        case "snoozed":
            until = datetime.fromisoformat(detail["until"])
            return {"snoozed_until": until, "snoozed_by": row["by"], "snooze_reason": detail["reason"]}
        case "outcome":
            return {
                "outcome": detail["outcome"],
                "outcome_by": row["by"],
                "outcome_reason": detail.get("reason"),
            }
        case "reminded":
            return {"reminded_at": row["at"]}
        case "escalated":
            return {"escalated_at": row["at"]}
        case "begun":
            return {"begun_at": row["at"]}
        case _:
            return {}


def _must_exist(connection: Connection, episode_id: str) -> None:
    found = connection.execute(
        select(episodes.c.episode_id).where(episodes.c.episode_id == episode_id)
    ).scalar()
    if found is None:
        some = connection.execute(
            select(episodes.c.episode_id).order_by(episodes.c.opened_at.desc()).limit(50)
        )
        raise FatalError(f"There is no episode {episode_id}.", hint=suggest(episode_id, some.scalars()))
