"""Read the facts of a signal, and say what it means that there are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.signals.derived import EVIDENCE
from customer_health.signals.facts.account_context import Context, context
from customer_health.signals.facts.grid import Grid
from customer_health.signals.plan_lists import conditions, mask_name
from customer_health.signals.signal import Absent, Signal
from customer_health.signals.state.daily_state import NEVER, Columns, State

Array = NDArray[Any]


@dataclass
class FactReader:
    """State, grid and what several signals share: facts under conditions, and what their absence means.

    Attributes:
        state: The reduced tables.
        config: Thresholds and lists.
        grid: Accounts x as-of dates.
        context: What each account was on each date.
    """

    state: State
    config: CompanyConfig
    grid: Grid
    context: Context = field(init=False)
    _live: dict[str, Array] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.context = context(self.state, self.grid)

    def facts(self, signal: Signal) -> tuple[Columns, Array | None]:
        """The signal's table, and which of its facts meet the signal's conditions (None: all)."""
        table = self.state.tables[signal.table]
        mask = mask_name(conditions(signal, self.config))
        return table, table[mask] if mask else None

    def live_since(self, table: str) -> int:
        """First day on which a source had delivered anything; NEVER if it never did.

        An empty source says nothing about anybody: a company without a ticket system has unknown
        tickets, not zero.
        """
        return int(self.state.meta["live"].get(EVIDENCE.get(table, table), NEVER))

    def knowable(self, table: str) -> Array:
        """Whether the absence of a fact of this table means something, per account and date."""
        live = np.broadcast_to(self.grid.dates > self.live_since(table), self.grid.shape)
        return live & self._titles_known() if table == "exec_activity" else live

    def absent(self, signal: Signal) -> Array:
        """The value for accounts without a fact, NaN where their absence means nothing."""
        if signal.when_absent == Absent.UNKNOWN:
            return self.grid.full(np.nan)
        if signal.when_absent == Absent.SINCE_START:
            since = np.maximum(self.context.start, self.live_since(signal.table))
            value = np.where(since < self.grid.dates, self.grid.dates - since, np.nan)
        else:
            value = self.grid.full(float(signal.when_absent))
        return np.where(self.knowable(signal.table), value, np.nan)

    def _titles_known(self) -> Array:
        """We know an executive, or we know every contact's title: else absence may be ignorance."""
        if "titles" not in self._live:
            book = self.state.tables["contact_book"]
            never = np.full(len(book["account"]), NEVER)

            def count(day: Array) -> Array:
                return self.grid.running_sum(book["account"], np.maximum(day, book["seen"]) + 1, never)

            contacts = count(book["seen"])
            untitled = contacts - count(book["day:titled_at"])
            self._live["titles"] = (count(book["day:executive_at"]) > 0) | ((contacts > 0) & (untitled == 0))
        return self._live["titles"]
