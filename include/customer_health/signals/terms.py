"""Contract terms by the calendar: a term that was signed in months renews in months.

A term is n months if its end falls n months after its start on the same day of the month, where a month
that is too short lends its last day: 31 January to 28 February is one month, and so is 28 February to
31 March. The end may be written as the day after the term (1 January to 1 January) or as its last day
(1 January to 31 December). Every other term is a number of days (30, 364). A term without a start, or
with one that is not before its end, is a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
YEAR = 12


@dataclass(frozen=True)
class Terms:
    """How each term repeats; days count from 1970-01-01, months from January 1970.

    Attributes:
        end: Day on which the first term ends.
        days: Length in days of terms that are not months; 0 for those that are.
        months: Length in months; 0 for terms in days.
        month: Month of the end, counted to the day after a term whose end is its last day.
        anchor: Day of the month on which the term begins and ends, 1 to 31.
        inclusive: 1 if the end is the last day of the term, 0 if it is the day after.
    """

    end: Array
    days: Array
    months: Array
    month: Array
    anchor: Array
    inclusive: Array


def terms(start: Array, end: Array) -> Terms:
    """Return how the terms from `start` to `end` repeat.

    Args:
        start: First day of each term; any later day than `end` for unknown.
        end: Last day of each term, or the day after it; must be a real day.
    """
    start, end = start.astype(np.int64), end.astype(np.int64)
    known = start < end
    start = np.where(known, start, end)
    begin_month, begin_day = _month_and_day(start)
    months, month, anchor, inclusive = (np.zeros(len(end), dtype=np.int64) for _ in range(4))
    for extra in (1, 0):  # of two readings, the end as the day after the term
        end_month, end_day = _month_and_day(end + extra)
        same = np.maximum(begin_day, end_day)
        fits = (_day(begin_month, same) == start) & (_day(end_month, same) == end + extra)
        fits &= end_month > begin_month
        months[fits], inclusive[fits] = (end_month - begin_month)[fits], extra
        month[fits], anchor[fits] = end_month[fits], same[fits]
    end_month, end_day = _month_and_day(end)
    months[~known], inclusive[~known] = YEAR, 0
    month[~known], anchor[~known] = end_month[~known], end_day[~known]
    return Terms(end, np.where(months > 0, 0, end - start), months, month, anchor, inclusive)


def renewed_until(made: Terms, row: Array, day: Array) -> Array:
    """Return the first end of each term `row`, after as many renewals as it takes, on or after `day`."""
    end, days, months = made.end[row], made.days[row], made.months[row]
    passed = np.maximum(day - end, 0)
    whole = np.maximum(days, 1)
    by_days = end + -(-passed // whole) * days
    extra, anchor, every = made.inclusive[row], made.anchor[row], np.maximum(months, 1)
    target, _ = _month_and_day(day + extra)
    # The last end in or before the month of `day`; if that end lies before `day`, the next one does not.
    month = made.month[row] + np.maximum(target - made.month[row], 0) // every * every
    reached = _day(month, anchor) - extra
    by_months = np.where(reached >= day, reached, _day(month + every, anchor) - extra)
    return np.where(passed == 0, end, np.where(months > 0, by_months, by_days))


def _month_and_day(day: Array) -> tuple[Array, Array]:
    """Months since January 1970, and day of the month from 1."""
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    return month.astype(np.int64), day - month.astype("datetime64[D]").astype(np.int64) + 1


def _day(month: Array, day_of_month: Array) -> Array:
    """Day of a month; its last one if it is too short."""
    first, following = (m.astype("datetime64[M]").astype("datetime64[D]") for m in (month, month + 1))
    begins = first.astype(np.int64)
    result: Array = begins + np.minimum(day_of_month, following.astype(np.int64) - begins) - 1
    return result
