"""Follow-through: what became of our tasks, as the CRM tells it by ingestion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from customer_health.ledger import care
from customer_health.ledger.connect import writing
from customer_health.ledger.schema import outbox, task_states

if TYPE_CHECKING:
    import duckdb

_BATCH = 500


@dataclass(frozen=True)
class TaskSeen:
    """One of our tasks as the CRM shows it.

    Attributes:
        effect_key: Key of the effect that created it.
        task_id: Its id in the CRM.
        status: "open", "in_progress" or "completed".
        owner: Who has it now, if the CRM tells.
        outcome: What was chosen when it was closed.
        started_at: When somebody began, zone-aware.
        completed_at: When it was closed, zone-aware.
        known_at: When we learned it, zone-aware.
    """

    effect_key: str
    task_id: str
    status: str
    owner: str | None
    outcome: str | None
    started_at: datetime | None
    completed_at: datetime | None
    known_at: datetime


def read_tasks(con: duckdb.DuckDBPyConnection, as_of: date) -> list[TaskSeen]:
    """Return our tasks as `raw.crm_tasks` knows them before the midnight of `as_of`."""
    columns = {row[0] for row in con.execute("SELECT column_name FROM (DESCRIBE raw.crm_tasks)").fetchall()}
    owner = "owner_email" if "owner_email" in columns else "NULL"
    cut = datetime.combine(as_of, time())
    rows = con.execute(
        f"SELECT effect_key, task_id, status, {owner}, outcome, "
        "CASE WHEN started_at < $cut THEN started_at END, "
        "CASE WHEN completed_at < $cut THEN completed_at END, known_at "
        "FROM raw.crm_tasks WHERE effect_key IS NOT NULL AND known_at < $cut ORDER BY known_at",
        {"cut": cut},
    ).fetchall()
    return [
        TaskSeen(key, task_id, status or "open", who, outcome, _utc(began), _utc(done), _utc(known) or _EPOCH)
        for key, task_id, status, who, outcome, began, done, known in rows
    ]


def take_in(engine: Engine, seen: Iterable[TaskSeen]) -> int:
    """Write what the CRM tells about our tasks; what is older than what we know changes nothing.

    The first step that anybody begins or completes stops its episode's clock. An outcome chosen in the CRM
    becomes the episode's, in its own words.

    Returns:
        Tasks whose state is new.
    """
    latest: dict[str, TaskSeen] = {}
    for task in seen:
        known = latest.get(task.effect_key)
        if known is None or task.known_at >= known.known_at:
            latest[task.effect_key] = task
    if not latest:
        return 0
    changed = 0
    with writing(engine) as connection:
        ours, before = _ours(connection, list(latest)), _known(connection, list(latest))
        for key, task in latest.items():
            old = before.get(key)
            if key not in ours or (old is not None and old["known_at"] >= task.known_at):
                continue
            values = asdict(task)
            if old is None:
                connection.execute(insert(task_states).values(values))
            else:
                connection.execute(update(task_states).where(task_states.c.effect_key == key).values(values))
            _tell_the_episode(connection, ours[key], task)
            changed += 1
    return changed


def of_episode(engine: Engine, episode_id: str) -> list[RowMapping]:
    """Return the states of an episode's tasks, in order of their promise."""
    query = (
        select(task_states, outbox.c.step)
        .join(outbox, outbox.c.key == task_states.c.effect_key)
        .where(outbox.c.episode_id == episode_id)
        .order_by(outbox.c.created_at, outbox.c.key)
    )
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def _tell_the_episode(connection: Connection, row: RowMapping, task: TaskSeen) -> None:
    moments = [moment for moment in (task.started_at, task.completed_at) if moment is not None]
    episode_id = str(row["episode_id"])
    if moments:
        detail = {"step": row["step"], "how": "completed" if task.started_at is None else "begun"}
        care.note(connection, episode_id, "begun", "first", min(moments), by=task.owner, detail=detail)
    outcome = care.outcome_named(task.outcome)
    if outcome is not None and task.completed_at is not None:
        detail = {"outcome": outcome, "reason": f"chosen in the CRM when closing {row['step']}"}
        ref = f"{task.effect_key}:{outcome}"
        care.note(connection, episode_id, "outcome", ref, task.completed_at, by=task.owner, detail=detail)


def _ours(connection: Connection, keys: list[str]) -> dict[str, RowMapping]:
    c, found = outbox.c, dict[str, RowMapping]()
    for start in range(0, len(keys), _BATCH):
        query = select(c.key, c.episode_id, c.step).where(c.key.in_(keys[start : start + _BATCH]))
        found.update({row["key"]: row for row in connection.execute(query).mappings()})
    return found


def _known(connection: Connection, keys: list[str]) -> dict[str, RowMapping]:
    found: dict[str, RowMapping] = {}
    for start in range(0, len(keys), _BATCH):
        some = select(task_states).where(task_states.c.effect_key.in_(keys[start : start + _BATCH]))
        found.update({row["effect_key"]: row for row in connection.execute(some).mappings()})
    return found


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
