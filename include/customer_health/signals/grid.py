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

Array = NDArray[Any]
EPOCH = date(1970, 1, 1)
LONGEST_TABLE = 100_000  # days; as-of dates further apart are searched one by one


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

    def column(self, day: Array) -> Array:
        """Index of the first as-of date >= day; len(dates) when there is none."""
        first, last = int(self.dates[0]), int(self.dates[-1])
        if last - first > LONGEST_TABLE:
            return np.searchsorted(self.dates, day, side="left")
        return np.take(self._columns, np.clip(day, first, last + 1) - first)

    @cached_property
    def _columns(self) -> Array:
        """The answer of `column` for every day from the first date to the day after the last."""
        every = np.arange(int(self.dates[0]), int(self.dates[-1]) + 2)
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
        width = len(self.dates) + 1
        first, last = self.column(begin), self.column(end)
        keep = first < last
        base = np.asarray(account, dtype=np.int64)[keep] * width
        weights = None if value is None else np.asarray(value, dtype=np.float64)[keep]
        rows = self.accounts if groups is None else groups
        size = rows * width
        steps = np.bincount(base + first[keep], weights, size).astype(np.float64)
        steps -= np.bincount(base + last[keep], weights, size)
        return np.cumsum(steps.reshape(rows, width), axis=1)[:, :-1]

    def running_max(self, group: Array, begin: Array, value: Array, groups: int | None = None) -> Array:
        """Largest value (>= 0) of the facts visible since `begin`, per group and date; -1 for none.

        Args:
            group: Row of the result, shape (facts,); account codes unless `groups` is given.
            begin: First day D that sees the fact; it stays visible.
            value: Whole numbers such as days or ranks.
            groups: Rows of the result, if they are not the accounts.
        """
        rows = self.accounts if groups is None else groups
        out = np.full((rows, len(self.dates) + 1), -1, dtype=np.int64)
        np.maximum.at(out, (group, self.column(begin)), np.asarray(value, dtype=np.int64))
        return np.maximum.accumulate(out, axis=1)[:, :-1]

    def running_min(self, group: Array, begin: Array, value: Array, groups: int | None = None) -> Array:
        """Smallest value of the facts visible since `begin`; a very large number for none."""
        return -self.running_max_signed(group, begin, -np.asarray(value, dtype=np.int64), groups)

    def running_max_signed(
        self, group: Array, begin: Array, value: Array, groups: int | None = None
    ) -> Array:
        """Like `running_max` for any sign; a very small number for none."""
        rows = self.accounts if groups is None else groups
        out = np.full((rows, len(self.dates) + 1), -(2**40), dtype=np.int64)
        np.maximum.at(out, (group, self.column(begin)), value)
        return np.maximum.accumulate(out, axis=1)[:, :-1]

    def ratio(self, top: Array, bottom: Array, where: Array) -> Array:
        """top / bottom where it means something, NaN elsewhere."""
        out = self.full(np.nan)
        np.divide(top, bottom, out=out, where=where)
        return out
