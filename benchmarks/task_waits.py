"""Where a night's time went, by what Airflow's own database says of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, text

# What a task of the chain does, as the command line calls it; every other task is Airflow's own price.
STEP_OF = {
    "load": "ingest",
    "check_quality": "gate",
    "read_texts": "texts",
    "build": "signals",
    "score": "score",
    "decide": "playbooks",
}
DELIVERY = "deliver."
GOOD = frozenset({"success", "skipped"})
BAD = frozenset({"failed", "upstream_failed"})
_TASKS = text("""
    SELECT ti.dag_id, ti.task_id, ti.map_index, ti.state, ti.queue, ti.try_number,
           ti.scheduled_dttm AS scheduled, ti.queued_dttm AS queued,
           ti.start_date AS started, ti.end_date AS ended, dr.queued_at AS asked, dr.state AS run_state
    FROM task_instance ti JOIN dag_run dr ON dr.dag_id = ti.dag_id AND dr.run_id = ti.run_id
    WHERE dr.partition_key = :key
    ORDER BY ti.start_date, ti.queued_dttm
""")


def tasks_of(connection: Connection, key: str) -> pd.DataFrame:
    """Return the task instances of all runs of one partition key, one row each, moments in UTC."""
    rows = connection.execute(_TASKS, {"key": key}).mappings().all()
    tasks = pd.DataFrame([dict(row) for row in rows], columns=list(_COLUMNS))
    for moment in ("scheduled", "queued", "started", "ended", "asked"):
        tasks[moment] = pd.to_datetime(tasks[moment], utc=True)
    return tasks


_COLUMNS = (
    *("dag_id", "task_id", "map_index", "state", "queue", "try_number"),
    *("scheduled", "queued", "started", "ended", "asked", "run_state"),
)


def step_of(task_id: str) -> str | None:
    """Return the step of the chain that a task runs; None: it runs none."""
    return "deliver" if task_id.startswith(DELIVERY) else STEP_OF.get(task_id)


def by_task(tasks: pd.DataFrame) -> pd.DataFrame:
    """Return seconds by task; the indices of a mapped task are one row.

    Columns:
        tasks: How many instances ran (those that were skipped before they began are left out).
        wait_s: From scheduled to started, summed: for a slot of the pool, for the executor, for a worker, for
            the process to begin.
        queued_s: The part of it after the scheduler had handed it to Celery.
        run_s: From started to ended, summed: reading the DAG file, imports and the step's own work.
    """
    ran = tasks.dropna(subset=["started", "ended"])
    seconds = pd.DataFrame(
        {
            "dag_id": ran["dag_id"],
            "task_id": ran["task_id"],
            "tasks": 1,
            "wait_s": (ran["started"] - ran["scheduled"]).dt.total_seconds(),
            "queued_s": (ran["started"] - ran["queued"]).dt.total_seconds(),
            "run_s": (ran["ended"] - ran["started"]).dt.total_seconds(),
        }
    )
    return seconds.groupby(["dag_id", "task_id"], sort=False, as_index=False).sum()


@dataclass(frozen=True)
class NightTime:
    """How long a night took, and how much of it no task ran.

    Attributes:
        whole: Seconds from the trigger to the end of the last task.
        tasks: Seconds in which at least one task ran.
        steps: Seconds in which at least one task ran that does a step of the chain.
    """

    whole: float
    tasks: float
    steps: float

    @property
    def between(self) -> float:
        """Seconds in which no task ran: Airflow decided, queued, and started processes."""
        return self.whole - self.tasks


def night_time(tasks: pd.DataFrame) -> NightTime:
    """Return where a night that has ended spent its time."""
    ran = tasks.dropna(subset=["started", "ended"])
    steps = ran[[step_of(name) is not None for name in ran["task_id"]]]
    return NightTime(
        whole=(ran["ended"].max() - tasks["asked"].min()).total_seconds(),
        tasks=covered(list(zip(ran["started"], ran["ended"], strict=True))),
        steps=covered(list(zip(steps["started"], steps["ended"], strict=True))),
    )


def covered(spans: Sequence[tuple[datetime, datetime]]) -> float:
    """Return the seconds that lie in at least one of the spans."""
    total, until = 0.0, None
    for began, ended in sorted(spans):
        since = began if until is None else max(began, until)
        if ended > since:
            total += (ended - since).total_seconds()
            until = ended
    return total


def beside_the_steps(table: pd.DataFrame, measured: Mapping[str, float]) -> pd.DataFrame:
    """Return seconds by step under Airflow, and what the same step took as a process of its own.

    Args:
        table: What `by_task` returned.
        measured: Wall seconds by step; a step that is not in it stays empty.
    """
    steps = table.assign(step=table["task_id"].map(step_of)).dropna(subset=["step"])
    sums = steps.groupby("step", sort=False, as_index=False)[["tasks", "wait_s", "run_s"]].sum()
    sums["alone_s"] = sums["step"].map(measured)
    return sums


def has_ended(tasks: pd.DataFrame, last: str) -> bool:
    """Whether the last DAG of the chain has come, and everything has ended well.

    Raises:
        SystemExit: A task failed; the night is not worth measuring.
    """
    failed = tasks[tasks["state"].isin(BAD)]
    if len(failed):
        names = ", ".join(sorted({f"{row.dag_id}.{row.task_id}" for row in failed.itertuples()}))
        raise SystemExit(f"Failed under Airflow: {names}. Its logs are below airflow/logs.")
    return last in set(tasks["dag_id"]) and bool(
        (tasks["state"].isin(GOOD)).all() and (tasks["run_state"] == "success").all()
    )
