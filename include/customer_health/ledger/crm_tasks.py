"""Follow-through: what became of our tasks, as the CRM tells it by ingestion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, RowMapping, and_, case, func, insert, or_, select, update

from customer_health.ledger import episode_events
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import outbox, task_states

if TYPE_CHECKING:
    import duckdb

_BATCH = 500
_NEVER_OPENED = ("rejected", "declined", "expired", "folded", "superseded")
_STORED = tuple(task_states.c.keys())
UNTOLD = timedelta(days=90)  # how long a task that no CRM tells of counts as open


@dataclass(frozen=True)
class TaskSeen:
    """One of our tasks as the CRM shows it.

    Attributes:
        effect_key: Key of the effect that created it; empty where the CRM does not keep it.
        task_id: Its id in the CRM.
        status: "open", "in_progress" or "completed".
        owner: Who has it now, if the CRM tells.
        outcome: What was chosen when it was closed.
        started_at: When somebody began, zone-aware.
        completed_at: When it was closed, zone-aware.
        known_at: When we learned it, zone-aware.
        account_id: Whose it is, where the key is missing.
        external_id: Our `chs:...` id, where the CRM keeps that.
    """

    effect_key: str
    task_id: str
    status: str
    owner: str | None
    outcome: str | None
    started_at: datetime | None
    completed_at: datetime | None
    known_at: datetime
    account_id: str | None = None
    external_id: str | None = None


@dataclass(frozen=True)
class EarlierTasks:
    """An account's tasks of one type that earlier days asked for.

    Attributes:
        asked_on: The latest day that asked for one.
        open_since: The earliest day whose task is still open; None where none is.
        closed_on: UTC day on which one was last closed; None where none was.
    """

    asked_on: date
    open_since: date | None = None
    closed_on: date | None = None


def read_tasks(con: duckdb.DuckDBPyConnection, as_of: date) -> list[TaskSeen]:
    """Return our tasks as `raw.crm_tasks` knows them before the midnight of `as_of`.

    The beginning and the end of a task are news of their own, however long the task itself has been known.
    """
    columns = {row[0] for row in con.execute("SELECT column_name FROM (DESCRIBE raw.crm_tasks)").fetchall()}
    owner, external = (name if name in columns else "NULL" for name in ("owner_email", "external_id"))
    cut = datetime.combine(as_of, time())
    rows = con.execute(
        f"SELECT coalesce(effect_key, ''), task_id, status, {owner}, outcome, "
        "CASE WHEN started_at < $cut THEN started_at END, "
        "CASE WHEN completed_at < $cut THEN completed_at END, "
        "greatest(known_at, CASE WHEN started_at < $cut THEN started_at END, "
        "CASE WHEN completed_at < $cut THEN completed_at END), account_id, "
        f"{external} FROM raw.crm_tasks WHERE known_at < $cut ORDER BY known_at",
        {"cut": cut},
    ).fetchall()
    return [
        TaskSeen(
            key,
            task_id,
            status or "open",
            who,
            outcome,
            _utc(began),
            _utc(done),
            _utc(known) or _EPOCH,
            account,
            number,
        )
        for key, task_id, status, who, outcome, began, done, known, account, number in rows
    ]


def recognise(engine: Engine, seen: Iterable[TaskSeen]) -> list[TaskSeen]:
    """Return those tasks that are ours, each with the key of its effect.

    A CRM that keeps our key tells it. Another is recognised by the id that it gave the task when we made it,
    or by our external id; a task that nobody recognises is somebody else's.
    """
    tasks = list(seen)
    nameless = [task for task in tasks if not task.effect_key]
    found = [task for task in tasks if task.effect_key]
    if not nameless:
        return found
    with engine.connect() as connection:
        by_remote = _keys_by_remote_id(connection)
        unmatched = {
            str(task.account_id) for task in nameless if task.external_id and task.task_id not in by_remote
        }
        by_external = _external_ids(connection, sorted(unmatched))
    for task in nameless:
        key = by_remote.get(task.task_id) or by_external.get(str(task.external_id))
        if key:
            found.append(replace(task, effect_key=key))
    return found


def take_in(engine: Engine, seen: Iterable[TaskSeen]) -> int:
    """Write what the CRM tells about our tasks; what is older than what we know changes nothing.

    The first step that anybody begins or completes stops its episode's clock. An outcome chosen in the CRM
    becomes the episode's, in its own words.

    Returns:
        Tasks whose state is new.
    """
    latest: dict[str, TaskSeen] = {}
    for task in recognise(engine, seen):
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
            values = {name: getattr(task, name) for name in _STORED}
            if old is None:
                connection.execute(insert(task_states).values(values))
            else:
                connection.execute(update(task_states).where(task_states.c.effect_key == key).values(values))
            _tell_the_episode(connection, ours[key], task)
            changed += 1
    return changed


def open_tasks(connection: Connection) -> Sequence[RowMapping]:
    """Return our tasks that nobody has completed: `key`, `account_id`, `playbook`, `step`, `payload`.

    Those that no CRM has told of yet are open, too; those that were refused, declined or expired never were.
    """
    c = outbox.c
    query = (
        select(c.key, c.account_id, c.playbook, c.step, c.payload)
        .join(task_states, task_states.c.effect_key == c.key, isouter=True)
        .where(c.verb == "create_task", c.state.not_in(_NEVER_OPENED))
        .where(or_(task_states.c.status.is_(None), task_states.c.status != "completed"))
        .order_by(c.account_id, c.playbook, c.step)
    )
    return connection.execute(query).mappings().all()


def earlier_tasks(connection: Connection, before: date) -> dict[str, Mapping[str, EarlierTasks]]:
    """Return what became of the tasks that days before `before` asked for, by account and type of task.

    Those that were refused, declined or expired never were. One of which no CRM has told counts as open for
    `UNTOLD`: where nobody tells, nothing would ever be asked for again.
    """
    c, t = outbox.c, task_states.c
    is_open = or_(t.status != "completed", and_(t.status.is_(None), c.as_of > before - UNTOLD))
    each = (
        select(
            c.account_id,
            c.payload["type"].as_string().label("kind"),
            c.as_of,
            case((is_open, c.as_of)).label("open_since"),
            case((t.status == "completed", func.coalesce(t.completed_at, t.known_at))).label("closed_at"),
        )
        .join(task_states, t.effect_key == c.key, isouter=True)
        .where(c.verb == "create_task", c.as_of < before, c.state.not_in(_NEVER_OPENED))
        .subquery()
    ).c
    query = select(
        each.account_id,
        each.kind,
        func.max(each.as_of).label("asked_on"),
        func.min(each.open_since).label("open_since"),
        func.max(each.closed_at).label("closed_at"),
    ).group_by(each.account_id, each.kind)
    found: dict[str, dict[str, EarlierTasks]] = {}
    for account, kind, asked_on, open_since, closed_at in connection.execute(query):
        closed_on = closed_at.date() if closed_at is not None else None
        found.setdefault(account, {})[kind] = EarlierTasks(asked_on, open_since, closed_on)
    return dict(found)


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
        episode_events.note(
            connection, episode_id, "begun", "first", min(moments), by=task.owner, detail=detail
        )
    outcome = episode_events.outcome_named(task.outcome)
    if outcome is not None and task.completed_at is not None:
        detail = {
            "outcome": outcome,
            "reason": f"chosen in the CRM when closing {row['step'].replace('_', ' ')}",
        }
        ref = f"{task.effect_key}:{outcome}"
        episode_events.note(
            connection, episode_id, "outcome", ref, task.completed_at, by=task.owner, detail=detail
        )


def _ours(connection: Connection, keys: list[str]) -> dict[str, RowMapping]:
    c, found = outbox.c, dict[str, RowMapping]()
    for start in range(0, len(keys), _BATCH):
        query = select(c.key, c.episode_id, c.step).where(c.key.in_(keys[start : start + _BATCH]))
        found.update({row["key"]: row for row in connection.execute(query).mappings()})
    return found


def _keys_by_remote_id(connection: Connection) -> dict[str, str]:
    """Return the keys of our tasks by the id that the CRM gave them; one that two share tells nothing."""
    query = select(outbox.c.remote_id, outbox.c.key).where(
        outbox.c.verb == "create_task", outbox.c.remote_id.is_not(None)
    )
    found: dict[str, str | None] = {}
    for remote, key in connection.execute(query):
        found[remote] = key if found.get(remote, key) == key else None
    return {remote: key for remote, key in found.items() if key}


def _external_ids(connection: Connection, accounts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(accounts), _BATCH):
        query = select(outbox.c.key, outbox.c.payload).where(
            outbox.c.account_id.in_(accounts[start : start + _BATCH]), outbox.c.verb == "create_task"
        )
        found.update({str(row.payload.get("external_id")): row.key for row in connection.execute(query)})
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


def due_between(
    connection: Connection, since: date, before: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Return due time and completion, as known before `before`, of delivered tasks due in a span."""
    query = (
        select(outbox.c.payload, task_states.c.completed_at, task_states.c.known_at)
        .join(task_states, task_states.c.effect_key == outbox.c.key, isouter=True)
        .where(outbox.c.verb == "create_task", outbox.c.state == "delivered", outbox.c.delivered_at < before)
    )
    start, found = datetime.combine(since, time(), UTC), []
    for payload, completed, known in connection.execute(query):
        due = datetime.fromisoformat(payload["due_at"]) if payload.get("due_at") else None
        if due is not None and start <= due < before:
            done = completed if completed is not None and known < before and completed < before else None
            found.append((due, done))
    return found
