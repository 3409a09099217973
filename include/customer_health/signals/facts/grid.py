"""The grid of answers, accounts x as-of dates, and three ways to fill it from facts at once.

A fact is visible to the as-of dates of one interval: from the day after it was seen until it leaves
the window or is closed. So a count is a running sum of +1 where intervals begin and -1 where they
end, "the latest" is a running maximum, and nothing is ever computed per date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.errors import ConfigurationError
from customer_health.signals.facts import grid_kernels as loops
from customer_health.signals.state.daily_state import NEVER, Columns

Array = NDArray[Any]
EPOCH = date(1970, 1, 1)
LONGEST_TABLE = 100_000  # days; as-of dates further apart are searched one by one

_NONE, _ALL = np.empty(0), np.empty(0, dtype=np.bool_)  # no values; every fact


def _whole(numbers: Array) -> Array:
    """Days, codes and ranks in the one width that the loops are compiled for."""
    return np.ascontiguousarray(numbers, dtype=np.int64)


@dataclass(frozen=True)
class Grid:
    """Accounts x as-of dates.

    Attributes:
        accounts: Number of accounts (rows).
        dates: As-of dates as days since 1970-01-01, ascending, each once (columns).
    """

    accounts: int
    dates: Array

    @classmethod
    def of(cls, accounts: int, as_of_dates: Sequence[date]) -> Grid:
        """Build the grid.

        Raises:
            ConfigurationError: No date is given.
        """
        if not as_of_dates:
            raise ConfigurationError("No as-of date is given.", hint="Name at least one date.")
        numbers = sorted({(day - EPOCH).days for day in as_of_dates})
        return cls(accounts, np.array(numbers, dtype=np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        """(accounts, dates)."""
        return self.accounts, len(self.dates)

    @cached_property
    def _table(self) -> Array:
        """Index of the first as-of date on or after each day, from the first date on; empty if too long."""
        if int(self.dates[-1]) - int(self.dates[0]) > LONGEST_TABLE:
            return np.empty(0, np.int64)
        every = np.arange(int(self.dates[0]), int(self.dates[-1]) + 1)
        return np.searchsorted(self.dates, every, side="left")

    def full(self, value: float) -> Array:
        """A float grid filled with one value."""
        return np.full(self.shape, value, dtype=np.float64)

    def running_sum(
        self, account: Array, begin: Array, end: Array, value: Array | None = None, groups: int | None = None
    ) -> Array:
        """Sum the values of facts visible to as-of dates in [begin, end), per account and date.

        Args:
            account: Account codes, shape (facts,).
            begin: First day D that sees the fact.
            end: First day D that no longer does; facts with end <= begin are never seen.
            value: What each contributes; 1 if None.
            groups: Rows of the result, if they are not the accounts.
        """
        out = np.zeros((self.accounts if groups is None else groups, len(self.dates)))
        values = _NONE if value is None else np.asarray(value, dtype=np.float64)
        loops.sum_intervals(self.dates, self._table, _whole(account), _whole(begin), _whole(end), values, out)
        return out

    def window(
        self, facts: Columns, day: Array, window: int, *, chosen: Array | None = None,
        value: Array | None = None, weight: Array | None = None, skip: int = 0,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Count facts whose `day` lies in [D - skip - window, D - skip - 1] and that D may know.

        Args:
            facts: account and seen of each.
            day: What decides; days that never come do not count.
            window: Days.
            chosen: Which facts take part; all if None.
            value: Numbers to sum; facts without a finite one do not count at all.
            weight: Factors of the values.
            skip: Days between the window and D.

        Returns:
            Counts and sums, grids of accounts x dates; sums are 0 without values.
        """
        counts, sums = self.full(0.0), self.full(0.0)
        loops.window_totals(
            self.dates, self._table, facts["account"], np.ascontiguousarray(day, np.int32), facts["seen"],
            _ALL if chosen is None else chosen, _NONE if value is None else value,
            _NONE if weight is None else weight, window, skip, NEVER, counts, sums,
        )  # fmt: skip
        return counts, sums

    def longest(self, account: Array, begin: Array, end: Array, since: Array) -> Array:
        """Largest D - since of the facts visible to D in [begin, end), per account and date; 0 for none."""
        out = self.full(0.0)
        loops.longest(
            self.dates, self._table, _whole(account), _whole(begin), _whole(end), _whole(since), out
        )
        return out

    def running_max(
        self, group: Array, begin: Array, value: Array, groups: int | None = None,
        chosen: Array | None = None,
    ) -> Array:  # fmt: skip
        """Largest value (>= 0) of the facts visible since `begin`, per group and date; -1 for none.

        Args:
            group: Row of the result, shape (facts,); account codes unless `groups` is given.
            begin: First day D that sees the fact; it stays visible.
            value: Whole numbers such as days or ranks.
            groups: Rows of the result, if they are not the accounts.
            chosen: Which facts take part; all if None.
        """
        return self._running(group, begin, value, -1, groups, chosen)

    def latest_row(self, facts: Columns, chosen: Array | None = None, value: Array | None = None) -> Array:
        """Row of the last visible fact per account and date, -1 for none; facts lie in order of time.

        Args:
            facts: account and seen of each.
            chosen: Which facts take part; all if None.
            value: Facts without a finite value do not take part.
        """
        out = np.full(self.shape, -1, dtype=np.int64)
        loops.latest_row(
            self.dates, self._table, facts["account"], facts["seen"],
            _ALL if chosen is None else chosen, _NONE if value is None else value, out,
        )  # fmt: skip
        return out

    def running_min(self, group: Array, begin: Array, value: Array, groups: int | None = None) -> Array:
        """Smallest value of the facts visible since `begin`; a very large number for none."""
        return -self.running_max_signed(group, begin, -np.asarray(value, dtype=np.int64), groups)

    def running_max_signed(
        self, group: Array, begin: Array, value: Array, groups: int | None = None
    ) -> Array:
        """Like `running_max` for any sign; a very small number for none."""
        return self._running(group, begin, value, -(2**40), groups)

    def _running(
        self, group: Array, begin: Array, value: Array, none: int, groups: int | None,
        chosen: Array | None = None,
    ) -> Array:  # fmt: skip
        out = np.full((self.accounts if groups is None else groups, len(self.dates)), none, dtype=np.int64)
        every = _ALL if chosen is None else chosen
        loops.latest(self.dates, self._table, _whole(group), _whole(begin), _whole(value), every, out)
        return out

    def ratio(self, top: Array, bottom: Array, where: Array) -> Array:
        """top / bottom where it means something, NaN elsewhere."""
        out = self.full(np.nan)
        with np.errstate(invalid="ignore", over="ignore"):  # one account's absurd sums become unknown
            np.divide(top, bottom, out=out, where=where)
        return out
