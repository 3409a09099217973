"""What the simulated company's people did with the tasks that we gave them, as their CRM tells it later.

Some begin within hours, some after the weekend, some never; what they conclude is drawn, not earned: the
simulated customers do not answer to it. Equal tasks give equal days, whenever they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from customer_health.ledger import outbox_queries
from customer_health.simulator.observation import Facts
from customer_health.warehouse.tables import CRM_TASKS

OPENED = time(6)  # the morning on which the CRM got the task
# Share of tasks that anybody ever begins, and the median hours until then, by priority.
DILIGENCE = {"critical": (0.95, 9.0), "high": (0.88, 20.0), "medium": (0.75, 60.0), "low": (0.55, 120.0)}
FINISHED = 0.8  # of those that were begun
OUTCOMES = ("saved", "partly", "lost", "false alarm", "not actionable")
CHANCES = (0.36, 0.22, 0.12, 0.18, 0.12)
GONE = ("declined", "expired", "rejected", "awaiting_approval")


@dataclass(frozen=True)
class Given:
    """A task that we created.

    Attributes:
        key: Of its effect.
        account_id: The account.
        external_id: Our id as the CRM keeps it.
        owner: E-mail of its owner.
        priority: critical, high, medium or low.
        day: On which it was created.
    """

    key: str
    account_id: str
    external_id: str | None
    owner: str
    priority: str
    day: date


def given(engine: Engine, before: date) -> list[Given]:
    """Return the tasks that days before `before` asked for and that may leave, by day and key."""
    return [
        Given(
            row.key,
            row.account_id,
            row.payload.get("external_id"),
            str(row.payload["owner"]["email"]),
            str(row.payload["priority"]),
            row.as_of,
        )
        for row in outbox_queries.tasks_before(engine, before, without=GONE)
    ]


def worked(tasks: Sequence[Given]) -> Facts:
    """Return the tasks as the CRM will ever know them; `Facts.between` shows what it knew when."""
    rows = [_row(task) for task in tasks]
    columns = list(CRM_TASKS.columns)
    frame = pd.DataFrame(rows, columns=columns)
    for name in columns:
        frame[name] = frame[name].astype("datetime64[s]" if name.endswith("_at") else object)
    return Facts(CRM_TASKS, frame, reveals={"outcome": "completed_at"})


def _row(task: Given) -> dict[str, object]:
    luck = _luck(task.key)
    share, median = DILIGENCE.get(task.priority, DILIGENCE["medium"])
    opened = datetime.combine(task.day, OPENED)
    begun = done = None
    if luck.random() < share:
        begun = _at_work(opened + timedelta(hours=float(median * np.exp(0.9 * luck.standard_normal()))))
        if luck.random() < FINISHED:
            done = _at_work(begun + timedelta(hours=float(luck.gamma(2.0, 18.0))))
    outcome = OUTCOMES[int(luck.choice(len(OUTCOMES), p=CHANCES))]
    return {
        "task_id": f"00T{task.key[:12].replace('-', '')}",
        "account_id": task.account_id,
        "effect_key": task.key,
        "external_id": task.external_id,
        "owner_email": task.owner,
        "status": None,
        "outcome": outcome if done else None,
        "started_at": begun,
        "completed_at": done,
        "occurred_at": opened,
        "known_at": opened,
    }


def _at_work(moment: datetime) -> datetime:
    """Return the next moment of a working day's hours."""
    moment = moment.replace(microsecond=0)
    if moment.hour >= 18:
        moment = datetime.combine(moment.date() + timedelta(days=1), time(9, moment.minute))
    elif moment.hour < 8:
        moment = datetime.combine(moment.date(), time(8, moment.minute))
    while moment.weekday() >= 5:
        moment += timedelta(days=1)
    return moment


def _luck(key: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16)))


def seen(facts: Facts, first: date | None, end: date) -> pd.DataFrame:
    """Return what the CRM showed of the tasks that became known or changed in [first, end)."""
    rows = facts.between(first, end)
    begun, done = rows["started_at"].notna(), rows["completed_at"].notna()
    rows["status"] = np.where(done, "completed", np.where(begun, "in_progress", "open"))
    return rows
