"""What counts of daily users answer, where nobody is named: days, means and trends, never who came."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.facts.grid import Grid
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.state.table_reader import NUMBERS, Warehouse

Array = NDArray[np.float64]
Days = NDArray[np.int64]


def reduce_daily_users(warehouse: Warehouse) -> Columns:
    """Read raw.daily_users, sorted by account and day: account, occurred, seen (days), users (above 0)."""
    table = warehouse.raw("daily_users").join(warehouse.kept(NUMBERS), "account_id")
    table = table.filter(table.users > 0)
    rows: Columns = warehouse.fetch(
        table.order_by(table.account, table.occurred_at, table.known_at).select(
            account=table.account,
            occurred=table.occurred_at.cast("date").epoch_days(),
            known=table.known_at.cast("date").epoch_days(),
            users=table.users.cast("float64"),
        )
    )
    rows["seen"] = np.maximum(rows["occurred"], rows.pop("known"))
    return rows


class CountedUsers:
    """Counts of daily users on one grid.

    Attributes:
        first: First visible day with users per account and date; NEVER for none.
        last: Last visible day with users; a large negative number for none.
    """

    def __init__(self, rows: Columns | None, grid: Grid) -> None:
        self._grid = grid
        none = np.empty(0, np.int64)
        wanted = ("account", "occurred", "seen", "users")
        self._rows = {n: np.asarray(rows[n]) if rows is not None else none for n in wanted}
        account, day, seen = (self._rows[n].astype(np.int64) for n in ("account", "occurred", "seen"))
        self._days: Columns = {"account": account, "day": day, "seen": seen}
        self.any = bool(len(account))
        begin = seen + 1
        self.first: Days = np.minimum(grid.running_min(account, begin, day), NEVER)
        last = grid.running_max(account, begin, day)
        self.last: Days = np.where(last >= 0, last, -NEVER)

    def user_days(self, window: int, *, moment: bool = False) -> Array:
        """Sum over the window's days of that day's users, or of day * users."""
        rows, day = self._rows, self._days["day"]
        value = rows["users"] * day if moment else rows["users"]
        return self._grid.running_sum(
            self._days["account"], self._days["seen"] + 1, day + window + 1, value.astype(np.float64)
        )

    def active_days(self, window: int) -> Array:
        """Days of the window with users; a day that two merged accounts tell of is one."""
        account, day, seen = (self._days[name] for name in ("account", "day", "seen"))
        order = np.lexsort((seen, day, account))
        account, day, seen = account[order], day[order], seen[order]
        new = np.ones(len(day), bool)
        new[1:] = (account[1:] != account[:-1]) | (day[1:] != day[:-1])
        return self._grid.running_sum(account[new], seen[new] + 1, day[new] + window + 1)
