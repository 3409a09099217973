"""Tiers over the weeks as stacked bars, by accounts and by ARR, drawn without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

WIDTH, HEIGHT, FOOT, LEFT = 560, 170, 20, 2
Totals = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class History:
    """What the template draws.

    Attributes:
        accounts: Bars by number of accounts: (x, width, day, [(rank, y, height, bucket, value)]).
        arr: The same by ARR.
        labels: (x, day, anchor) on the time axis.
        weeks: (day, buckets) for the table behind the picture, newest first.
        buckets: Those that occur, in the order of the stack.
    """

    accounts: list[tuple[float, float, date, list[tuple[int, float, float, str, float]]]]
    arr: list[tuple[float, float, date, list[tuple[int, float, float, str, float]]]]
    labels: list[tuple[float, date, str]]
    weeks: list[tuple[date, Totals]]
    buckets: list[str]


def tier_history(
    summaries: Sequence[Mapping[Any, Any]], order: Sequence[str], last: date, weeks: int
) -> History | None:
    """Lay out one bar a week; None for fewer than two.

    Args:
        summaries: `as_of` and `buckets` of published days, oldest first.
        order: Buckets from the bottom of the stack up.
        last: The day that is looked at.
        weeks: How many weeks the picture spans.
    """
    chosen: dict[int, tuple[date, Totals]] = {}
    for row in summaries:  # of each week the latest day
        chosen[(last - row["as_of"]).days // 7] = (row["as_of"], row["buckets"])
    taken = sorted(chosen.values())
    if len(taken) < 2:
        return None
    span = min(weeks, (last - taken[0][0]).days // 7) + 1
    first = last - timedelta(weeks=span - 1)
    step = (WIDTH - 2 * LEFT) / span
    found = [name for name in order if any(name in buckets for _, buckets in taken)]
    ends = [(LEFT, taken[0][0], "start"), (WIDTH - LEFT, taken[-1][0], "end")]

    def drawn(position: int) -> list[tuple[float, float, date, list[tuple[int, float, float, str, float]]]]:
        top = max(sum(part[position] for part in buckets.values()) for _, buckets in taken) or 1.0
        bars = []
        for day, buckets in taken:
            x = LEFT + max(round((day - first).days / 7), 0) * step
            level, parts = float(HEIGHT - FOOT), []
            for name in found:
                value = float(buckets.get(name, (0, 0.0, 0))[position])
                height = value / top * (HEIGHT - FOOT - 6)
                level -= height
                if value:
                    parts.append((order.index(name), round(level, 2), round(height, 2), name, value))
            bars.append((round(x, 2), round(step * 0.82, 2), day, parts))
        return bars

    return History(drawn(0), drawn(1), [(x, day, end) for x, day, end in ends], taken[::-1], found)
