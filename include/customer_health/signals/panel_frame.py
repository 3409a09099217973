"""The panel as a data frame: one block of numbers that every answer is written into, once.

A panel of two years of dates has hundreds of millions of values. Concatenating, transposing and
sorting frames would touch each of them several times more than computing them does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.facts.grid import Grid
from customer_health.signals.kernels import compiled
from customer_health.signals.panel_engine import Engine
from customer_health.signals.signal import Signal
from customer_health.signals.state.daily_state import NEVER, State

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
NO_DAY = np.iinfo(np.int64).min  # as NumPy writes it


class PanelFrame:
    """Collects answers account range by account range, and signal by signal.

    Rows are sorted by as-of date and account id from the start: each (account, date) knows its place.

    Args:
        state: Reduced tables of all accounts.
        as_of_dates: Dates of the panel.
        signals: Columns of the panel, after those of the context.
    """

    def __init__(self, state: State, as_of_dates: Sequence[date], signals: Sequence[Signal]) -> None:
        self.state, self.signals = state, signals
        self.grid = Grid.of(len(state.accounts), as_of_dates)
        # Known by a date: the account itself, or a contract of it.
        first = state.tables["accounts"]["seen"].astype(np.int64)
        contracts = state.tables["contracts"]
        np.minimum.at(first, contracts["account"], contracts["seen"])
        rank = np.argsort(np.argsort(np.array(state.accounts, dtype=object), kind="stable"))
        self.row, self.rows = places(first, rank.astype(np.int64), self.grid.dates)
        self.columns = ["tenure_days", "arr", "seats", *(signal.name for signal in signals), "coverage"]
        self.numbers = np.empty((len(self.columns), self.rows))
        self.known = np.zeros(self.rows, np.int32)
        self.account = np.empty(self.rows, np.int32)
        self.flags = np.empty((2, self.rows), np.bool_)
        self.codes = np.empty((2, self.rows), np.int32)
        self.renewal = np.empty(self.rows, np.int64)

    def fill(self, low: int, engine: Engine, answers: Iterable[tuple[Signal, Array]]) -> None:
        """Write what the accounts from `low` on were on each date, and the answers about them."""
        context, state = engine.context, engine.state
        many = len(state.accounts)
        here = np.ascontiguousarray(self.row[low : low + many].T)
        accounts = state.tables["accounts"]
        visible = accounts["seen"][:, None] < self.grid.dates
        numbers = np.broadcast_to(np.arange(low, low + many, dtype=np.int32)[:, None], visible.shape)
        write(np.ascontiguousarray(numbers), here, self.account)
        for number, flag in enumerate((context.is_customer, context.notice_given)):
            write(flag, here, self.flags[number])
        segment = np.where(visible, accounts["segment"][:, None], np.int32(-1))
        for number, code in enumerate((context.plan, segment)):
            write(code.astype(np.int32), here, self.codes[number])
        write(context.renewal.astype(np.int64), here, self.renewal)
        for number, values in enumerate((context.tenure_days, context.arr, context.seats)):
            write(values, here, self.numbers[number])
        evergreen = context.is_customer & (context.renewal == NEVER)
        for signal, values in answers:
            number = self.columns.index(signal.name)
            counted = evergreen if signal.aggregation.dated else np.zeros((0, 0), np.bool_)
            place(np.ascontiguousarray(values), here, self.numbers[number], self.known, counted)

    def finished(self) -> pd.DataFrame:
        """The panel."""
        import pandas as pd

        self.numbers[-1] = self.known / max(1, len(self.signals))
        panel = pd.DataFrame(self.numbers.T, columns=self.columns, copy=False)
        meta = self.state.meta
        ids = _texts(self.state.accounts, self.account)
        dates = self.grid.dates.astype("datetime64[D]").astype("datetime64[us]")
        per_date = (self.row >= 0).sum(axis=0)
        renewal = np.where(self.renewal < NEVER, self.renewal, NO_DAY)
        front: dict[str, tuple[int, Any]] = {
            "account_id": (0, ids),
            "as_of": (1, np.repeat(dates, per_date)),
            "is_customer": (2, self.flags[0]),
            "notice_given": (4, self.flags[1]),
            "plan": (7, _texts(meta["plans"], self.codes[0])),
            "segment": (8, _texts(meta["segments"], self.codes[1])),
            "renewal_date": (9, renewal.astype("datetime64[D]").astype("datetime64[us]")),
        }
        for name, (place, values) in front.items():
            panel.insert(place, name, values)
        return panel


def _texts(names: Sequence[str], codes: Array) -> Any:
    """Names by code, -1 for none, as pandas text."""
    import pandas as pd
    import pyarrow as pa

    known = pa.array(codes, mask=codes < 0)
    return pd.array(pa.array(names, pa.large_string()).take(known), dtype="str")


@compiled
def places(first: Array, rank: Array, dates: Array) -> tuple[Array, int]:
    """Row of each (account, date) by date and rank, -1 before the account was known; number of rows."""
    accounts = len(first)
    out = np.full((accounts, len(dates)), -1, np.int64)
    order = np.empty(accounts, np.int64)
    for a in range(accounts):
        order[rank[a]] = a
    row = 0
    for k in range(len(dates)):
        for n in range(accounts):
            if first[order[n]] < dates[k]:
                out[order[n], k] = row
                row += 1
    return out, row


@compiled
def write(values: Array, row: Array, out: Array) -> None:
    """Write values (accounts, dates) to their rows (dates, accounts)."""
    # Date by date: the rows of a date lie side by side, and it is the writing that waits for memory.
    for k in range(row.shape[0]):
        for a in range(row.shape[1]):
            if row[k, a] >= 0:
                out[row[k, a]] = values[a, k]


@compiled
def place(values: Array, row: Array, out: Array, known: Array, counted: Array) -> None:
    """Write answers as `write` does and count the known ones; what is not finite becomes unknown."""
    for k in range(row.shape[0]):
        for a in range(row.shape[1]):
            if row[k, a] < 0:
                continue
            value = values[a, k]
            if np.isfinite(value):
                out[row[k, a]] = value
                known[row[k, a]] += 1
            else:
                out[row[k, a]] = np.nan
                if len(counted) and counted[a, k]:
                    known[row[k, a]] += 1
