"""Days on which the usage source itself told nothing: nobody was counted, which is not "nobody came".

A day is dark for as-of date D if no row of anybody on it is visible to D, although on most of the same
weekdays of the eight weeks before it at least `MIN_ACCOUNTS` accounts had been heard of at the same age.
The weekday keeps weekends light, the age keeps days light that are merely not due yet. All of it is what D
may know: rows that fill a day later end its darkness from the day after they were seen, and no earlier.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.facts.grid import Grid
from customer_health.signals.kernels import BLOCK, compiled
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.usage.usage_blocks import Blocks, UsageBlock

MIN_ACCOUNTS = 20  # fewer reporting accounts may well be silent together

Array = NDArray[Any]
WEEKS = 8  # of the same weekday that say what is usual
MOST = WEEKS // 2 + 1  # the lower median of the eight


def outage_days(blocks: Blocks, lag: int, until: int) -> Columns:
    """Find the days before `until` that any as-of date holds for dark.

    Blocks are counted only around days without regular rows, so that a source that never failed costs
    nothing.

    Args:
        blocks: Block number -> 63 days of usage.
        lag: Delay of the regular rows.
        until: The last as-of date.

    Returns:
        day, since, until: dark for D if since < D <= until. Sorted by day.
    """
    gaps = _gaps(blocks, lag, until)
    before = gaps[:, None] - 7 * np.arange(1, WEEKS + 1)
    first, enough = _reports(blocks, np.concatenate([gaps, before.ravel()]), lag)
    many = len(gaps)
    reached = enough[many:].reshape(before.shape)
    age = np.sort(np.where(reached < NEVER, reached - before, NEVER), axis=1)[:, MOST - 1]
    keep = (age < NEVER) & (gaps + age < first[:many])
    return {"day": gaps[keep], "since": (gaps + age)[keep], "until": first[:many][keep]}


def outage_days_of_counts(counts: Columns, until: int) -> Columns:
    """Find the days before `until` on which nobody was counted; as `outage_days`, for rows that are few.

    Args:
        counts: Account, day (`occurred`) and when that was seen, as counted_users.py reduces them.
        until: The last as-of date.
    """
    account, day, seen = (counts[name].astype(np.int64) for name in ("account", "occurred", "seen"))
    order = np.lexsort((seen, account, day))
    account, day, seen = account[order], day[order], seen[order]
    new = np.ones(len(day), bool)
    new[1:] = (account[1:] != account[:-1]) | (day[1:] != day[:-1])
    day, seen = day[new], seen[new]
    order = np.lexsort((seen, day))
    day, seen = day[order], seen[order]
    start = int(day.min(initial=NEVER))
    gaps = np.arange(start + 7 * MOST, until) if len(day) else np.empty(0, np.int64)

    def heard(days: Array, many: int) -> Array:
        place = np.searchsorted(day, days) + many - 1
        there = np.minimum(place, len(day) - 1)
        return np.where((place < len(day)) & (day[there] == days), seen[there], NEVER) if len(day) else days

    before = gaps[:, None] - 7 * np.arange(1, WEEKS + 1)
    first, reached = heard(gaps, 1), heard(before, MIN_ACCOUNTS)
    age = np.sort(np.where(reached < NEVER, reached - before, NEVER), axis=1)[:, MOST - 1]
    keep = (age < NEVER) & (gaps + age < first)
    return {"day": gaps[keep], "since": (gaps + age)[keep], "until": first[keep]}


def _gaps(blocks: Blocks, lag: int, until: int) -> Array:
    """Days that may be dark: no regular row shows them, or others show their like sooner."""
    if not blocks:
        return np.empty(0, np.int64)
    oldest = blocks[min(blocks)]
    start = min(int(part["first"].min(initial=NEVER)) for part in (oldest.edges, oldest.late_edges))
    span = np.arange(BLOCK + 7 * WEEKS)
    days = np.unique(np.array(sorted(blocks), np.int64)[:, None] * BLOCK + span)
    days = days[(days >= start + 7 * MOST) & (days < until)]
    if lag and any(_quicker(block, lag) for block in blocks.values()):
        return days
    shown = np.concatenate([block.new_days["regular"] for block in blocks.values()])
    return np.setdiff1d(days, shown.astype(np.int64))


def _quicker(block: UsageBlock, lag: int) -> bool:
    """Whether enough rows to count were seen sooner than the regular ones."""
    return int(np.count_nonzero(block.late["seen"] < block.late["day"] + lag)) >= MIN_ACCOUNTS


def _reports(blocks: Blocks, days: Array, lag: int) -> tuple[Array, Array]:
    """When the first account, and when enough accounts, were heard of, per day; NEVER if not."""
    first, enough = np.full(len(days), NEVER, np.int64), np.full(len(days), NEVER, np.int64)
    number = days // BLOCK
    for one in np.unique(number).tolist():
        if one in blocks:
            cells, late, here = blocks[one].cells, blocks[one].late, number == one
            seen = earliest_reports(
                cells["account"], cells["day"], late["account"], late["day"], late["seen"],
                one * BLOCK, lag, MIN_ACCOUNTS,
            )  # fmt: skip
            first[here], enough[here] = seen[days[here] - one * BLOCK][:, [0, -1]].T
    return first, enough


@compiled
def earliest_reports(
    account: Array, day: Array, late_account: Array, late_day: Array, late_seen: Array, start: int, lag: int,
    many: int,
) -> Array:  # fmt: skip
    """When the first `many` accounts were heard of, per day of a block; (days, many), each row ascending.

    Both lists are sorted by account; an account is heard of on the day that any of its rows was seen.
    """
    out, seen = np.full((BLOCK, many), NEVER, np.int64), np.full(BLOCK, NEVER, np.int64)
    i, j = 0, 0
    while i < len(account) or j < len(late_account):
        regular = j == len(late_account) or (i < len(account) and account[i] <= late_account[j])
        mine = account[i] if regular else late_account[j]
        while i < len(account) and account[i] == mine:
            seen[day[i] - start] = day[i] + lag
            i += 1
        while j < len(late_account) and late_account[j] == mine:
            inside = late_day[j] - start
            seen[inside] = min(seen[inside], np.int64(late_seen[j]))
            j += 1
        for d in range(BLOCK):
            place = many
            while place > 0 and seen[d] < out[d, place - 1]:
                if place < many:
                    out[d, place] = out[d, place - 1]
                place -= 1
            if place < many:
                out[d, place] = seen[d]
            seen[d] = NEVER
    return out


class OutageDays:
    """The outage days as each as-of date of a grid sees them."""

    def __init__(self, rows: Columns, grid: Grid) -> None:
        self._ages: dict[int, Array] = {}  # column of the grid -> day - D, ascending
        for k, date in enumerate(grid.dates.tolist()):
            outage = rows["day"][(rows["since"] < date) & (date <= rows["until"])]
            if len(outage):
                self._ages[k] = outage - date
        self._dates = grid.dates

    def sums(self, start: Array, end: Array) -> tuple[Array, Array, Array]:
        """Outage days of [start, end): how many, and the sums of their day - D and of its square.

        Args:
            start: First day, shape (dates,) or (accounts, dates).
            end: Day after the last one, of a shape that goes with it.
        """
        start, end = np.broadcast_arrays(start, end)
        out = np.zeros((3, *start.shape))
        for k, age in self._ages.items():
            running = np.zeros((3, len(age) + 1))
            running[:, 1:] = np.cumsum([np.ones(len(age)), age, age * age], axis=1)
            low = np.searchsorted(age, start[..., k] - self._dates[k])
            high = np.searchsorted(age, end[..., k] - self._dates[k])
            out[..., k] = running[:, np.maximum(low, high)] - running[:, low]
        return out[0], out[1], out[2]

    def many(self, window: int, skip: int = 0) -> Array:
        """Outage days of [D - skip - window, D - skip - 1], per date."""
        return self.sums(self._dates - skip - window, self._dates - skip)[0]
