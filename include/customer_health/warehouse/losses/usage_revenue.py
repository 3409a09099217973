"""Contraction of usage-based revenue: a trailing window of it fell against the window before.

An invoice for usage pays for the days since the one before it. Spread over those days, revenue does not jump
with the rhythm of billing: a window of 90 days holds two monthly invoices or four, and that is not a loss.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from customer_health.contract_rules import OutcomesConfig
from customer_health.warehouse.losses.contract_losses import Loss
from customer_health.wording import money

YEAR = 365.0


@dataclass(frozen=True)
class Bill:
    """What was billed for usage on one day; days count from 1970-01-01.

    Attributes:
        day: Day of the invoices.
        known: Day on which the last of them was known.
        amount: Their sum.
    """

    day: int
    known: int
    amount: float


def usage_losses(bills: Sequence[Bill], until: int, rules: OutcomesConfig) -> list[Loss]:
    """Return the contractions of one account's usage-based revenue that were known before the day `until`.

    Looked at whenever a bill comes, a window after it, and a window after the last one, when nothing came.
    After a contraction the windows begin anew, so that one fall counts once.

    Args:
        bills: In order of time, one per day; the first only says since when the second counts.
        until: The as-of date.
        rules: Window and thresholds.
    """
    since, out = bills[0].day if bills else 0, []
    for day, known, window in _looks(bills, rules.usage_window_days):
        if day - 2 * window < since or known >= until:
            continue
        before, now = (_earned(bills, day - back * window, window) for back in (1, 0))
        if before * YEAR / window < rules.usage_least_revenue or before <= 0:
            continue
        if (before - now) / before >= rules.usage_fall - 1e-9:
            why = f"usage-based revenue {money(before)} -> {money(now)} in {window} days"
            out.append(Loss("contraction_usage", day, known, (before - now) * YEAR / window, why))
            since = day
    return out


def _looks(bills: Sequence[Bill], shortest: int) -> list[tuple[int, int, int]]:
    """Days to look at, with the day on which what is seen then was known, and the window.

    A fall is largest when the window that holds it is full: a window after each bill's days began. A window
    shorter than what a bill pays for would hold half of it against the other half.
    """
    out, window, last = [], shortest, bills[-1].day if bills else 0
    days = [bill.day for bill in bills]
    for before, bill in pairwise(bills):
        window = max(window, bill.day - before.day)
        for day in {bill.day, min(before.day + window, last)}:
            told = bills[bisect_left(days, day)]
            out.append((day, max(day, told.day, told.known), window))
    if bills:
        out.append((last + window, max(last + window, bills[-1].known), window))
    return sorted(out)


def _earned(bills: Sequence[Bill], end: int, window: int) -> float:
    """Revenue of the days [end - window, end), each bill spread over the days that it pays for."""
    total = 0.0
    for before, bill in pairwise(bills):
        shared = min(bill.day, end) - max(before.day, end - window)
        if shared > 0:
            total += bill.amount * shared / (bill.day - before.day)
    return total
