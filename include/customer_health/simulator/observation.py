"""Helpers that all observed tables share: moments in time, ids, and which rows become visible when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.world import World
from customer_health.warehouse.table import Table

Times = NDArray[np.datetime64]
Columns = dict[str, NDArray[Any]]
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Facts:
    """The rows of one table, complete with what happened to them later.

    Attributes:
        table: Its contract.
        rows: One row per key, with the contract's columns.
        reveals: Columns whose value only becomes visible at a moment that stands in another column
            of `rows`. Lifecycle columns reveal themselves and need no entry.
    """

    table: Table
    rows: pd.DataFrame
    reveals: Mapping[str, str] = field(default_factory=dict)

    def between(self, first: date | None, end: date) -> pd.DataFrame:
        """Return the rows that became known or changed in [first, end), as they looked before `end`.

        A later change of a row that is already written is written again under the same key.
        """
        rows, until = self.rows, pd.Timestamp(end)
        since = None if first is None else pd.Timestamp(first)
        own = [name for name, column in self.table.columns.items() if column.lifecycle]
        changes = {name: name for name in own} | dict(self.reveals)
        known = rows["known_at"] < until
        touched = known & (rows["known_at"] >= since) if since is not None else known
        for moment in changes.values():
            if since is not None:
                touched |= known & (rows[moment] >= since) & (rows[moment] < until)
        part = rows[touched].copy()
        for name, moment in changes.items():
            part.loc[~(part[moment] < until), name] = None
        return part[self.table.delivered]


def moments(world: World, week: Any, day: Any, seconds: Any = 0) -> Times:
    """Return UTC moments: `day` days (fractions allowed) and `seconds` after the Monday of `week`."""
    whole = np.asarray(week, dtype=np.int64) * 7 * SECONDS_PER_DAY
    inner = np.asarray(day, dtype=np.float64) * SECONDS_PER_DAY + np.asarray(seconds, dtype=np.float64)
    return np.datetime64(world.start, "s") + (whole + inner.astype(np.int64)).astype("timedelta64[s]")


def office_hours(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draw seconds of a day between 07:00 and 19:00."""
    return rng.uniform(7 * 3_600, 19 * 3_600, count)


def present(world: World, week: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the first day and the day after the last one on which each account is a customer in a week.

    Days count from 0 (Monday); an account that is not a customer all week gets (7, 7) or (0, 0).
    """
    accounts = world.accounts
    first = np.where(week < accounts.start, 7, np.where(week == accounts.start, accounts.weekday, 0))
    stop = np.where(week > world.last_week, 0, np.where(week == world.last_week, accounts.weekday, 7))
    return first.astype(np.int32), np.maximum(stop, 0).astype(np.int32)


def by_week(world: World, draw: Callable[[World, int], Columns]) -> Columns:
    """Draw every week and join the columns, to which `week` is added."""
    weeks = [draw(world, week) for week in range(world.weeks)]
    sizes = [len(next(iter(columns.values()))) for columns in weeks]
    joined: Columns = {"week": np.repeat(np.arange(world.weeks), sizes)}
    for name in weeks[0]:
        joined[name] = np.concatenate([columns[name] for columns in weeks])
    return joined


def names(values: Sequence[str | None], index: NDArray[Any]) -> NDArray[np.object_]:
    """Return `values[index]` as an array of strings."""
    chosen: NDArray[np.object_] = np.asarray(values, dtype=object)[index]
    return chosen
