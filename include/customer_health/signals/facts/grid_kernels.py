"""The loops behind `Grid`: one visit per fact, then one running pass per account."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import compiled

Array = NDArray[Any]


@compiled
def first_date(day: Any, dates: Array, table: Array) -> Any:
    """Index of the first as-of date >= day; `table` answers for every day if it is not empty."""
    if day <= dates[0]:
        return np.int64(0)
    if day > dates[-1]:
        return np.int64(len(dates))
    if len(table):
        return np.int64(table[day - dates[0]])
    low, high = np.int64(0), np.int64(len(dates))
    while low < high:
        middle = (low + high) // 2
        if dates[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def sum_intervals(
    dates: Array, table: Array, group: Array, begin: Array, end: Array, value: Array, out: Array
) -> None:
    """Running sum over as-of dates of facts visible in [begin, end); no values means 1 each."""
    many = len(dates)
    for i in range(len(group)):
        if end[i] <= dates[0]:  # most facts of a long history, when only its last days are asked
            continue
        first = first_date(np.int64(begin[i]), dates, table)
        last = first_date(np.int64(end[i]), dates, table)
        if first >= last:
            continue
        if len(value):  # added to each date, never taken off: a sum is the same however many dates are asked
            for k in range(first, last):
                out[group[i], k] += value[i]
            continue
        out[group[i], first] += 1.0
        if last < many:
            out[group[i], last] -= 1.0
    if not len(value):
        accumulate(out)


@compiled
def accumulate(out: Array) -> None:
    for row in range(out.shape[0]):
        for k in range(1, out.shape[1]):
            out[row, k] += out[row, k - 1]


@compiled
def window_totals(
    dates: Array, table: Array, account: Array, day: Array, seen: Array, chosen: Array, value: Array,
    weight: Array, window: int, skip: int, never: int, counts: Array, sums: Array,
) -> None:  # fmt: skip
    """Count facts, and sum their values, whose day lies in [D - skip - window, D - skip - 1].

    Facts outside `chosen`, with a day of `never` or later, or (if values are given) without a finite
    value do not count. Empty arrays stand for "all", "no values" and "weight 1".
    """
    many, oldest = len(dates), dates[0] - skip - window
    for i in range(len(account)):
        when = np.int64(day[i])
        if when < oldest or when >= never:  # most facts of a long history are too old
            continue
        if len(chosen) and not chosen[i]:
            continue
        if len(value) and not np.isfinite(value[i]):
            continue
        first = first_date(max(when + skip, np.int64(seen[i])) + 1, dates, table)
        last = first_date(when + skip + window + 1, dates, table)
        if first >= last:
            continue
        a = account[i]
        each = weight[i] if len(weight) else 1.0
        counts[a, first] += 1.0
        if last < many:
            counts[a, last] -= 1.0
        if len(value):  # as in `sum_intervals`
            for k in range(first, last):
                sums[a, k] += value[i] * each
    accumulate(counts)


@compiled
def longest(
    dates: Array, table: Array, account: Array, begin: Array, end: Array, since: Array, out: Array
) -> None:
    """Largest D - since of the facts visible to D in [begin, end)."""
    for i in range(len(account)):
        for k in range(first_date(begin[i], dates, table), first_date(end[i], dates, table)):
            age = float(dates[k] - since[i])
            if age > out[account[i], k]:
                out[account[i], k] = age


@compiled
def latest(
    dates: Array, table: Array, group: Array, begin: Array, value: Array, chosen: Array, out: Array
) -> None:
    """Running maximum over as-of dates of the values of facts visible since `begin`."""
    many = len(dates)
    for i in range(len(group)):
        if len(chosen) and not chosen[i]:
            continue
        k = first_date(np.int64(begin[i]), dates, table)
        if k < many and value[i] > out[group[i], k]:
            out[group[i], k] = value[i]
    for row in range(out.shape[0]):
        for k in range(1, many):
            if out[row, k] < out[row, k - 1]:
                out[row, k] = out[row, k - 1]


@compiled
def latest_row(
    dates: Array, table: Array, group: Array, begin: Array, chosen: Array, value: Array, out: Array
) -> None:
    """Row of the last visible fact that is chosen and has a finite value (empty: all are), -1 for none."""
    many = len(dates)
    for i in range(len(group)):
        if (len(chosen) and not chosen[i]) or (len(value) and not np.isfinite(value[i])):
            continue
        k = first_date(np.int64(begin[i]) + 1, dates, table)
        if k < many and i > out[group[i], k]:
            out[group[i], k] = i
    for row in range(out.shape[0]):
        for k in range(1, many):
            if out[row, k] < out[row, k - 1]:
                out[row, k] = out[row, k - 1]
