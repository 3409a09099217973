"""Quarters of the company's fiscal year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from customer_health.errors import FatalError

MONTHS = 3


@dataclass(frozen=True, order=True)
class Quarter:
    """Three months of a fiscal year.

    Attributes:
        start: First day.
        year_starts: Month in which the fiscal year begins, 1 to 12.
    """

    start: date
    year_starts: int = 1

    @property
    def end(self) -> date:
        """The first day after it."""
        return _moved(self.start, MONTHS)

    @property
    def name(self) -> str:
        """2027-Q1; where the year does not begin in January, FY2027-Q1 by the year in which it ends."""
        number = (self.start.month - self.year_starts) % 12 // MONTHS + 1
        if self.year_starts == 1:
            return f"{self.start.year}-Q{number}"
        ends = self.start.year + (self.start.month >= self.year_starts)
        return f"FY{ends}-Q{number}"

    def next(self, count: int = 1) -> Quarter:
        """Return the quarter `count` later; negative: earlier."""
        return Quarter(_moved(self.start, MONTHS * count), self.year_starts)

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return self.start <= day < self.end


def quarter_of(day: date, year_starts: int = 1) -> Quarter:
    """Return the quarter that a day lies in."""
    into = (day.month - year_starts) % MONTHS
    return Quarter(_moved(day.replace(day=1), -into), year_starts)


def quarter_named(name: str, year_starts: int = 1) -> Quarter:
    """Return the quarter of a name as `Quarter.name` writes it.

    Raises:
        FatalError: It is not such a name.
    """
    found = re.fullmatch(r"(FY)?([12]\d{3})-Q([1-4])", name)
    if found and bool(found[1]) == (year_starts != 1):
        year = int(found[2]) - (year_starts != 1)
        return Quarter(_moved(date(year, year_starts, 1), MONTHS * (int(found[3]) - 1)), year_starts)
    example = quarter_of(date(2027, 1, 1), year_starts).name
    raise FatalError(f"'{name[:40]}' is not a quarter.", hint=f"Write it as {example}.")


def _moved(first: date, months: int) -> date:
    total = first.year * 12 + first.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)
