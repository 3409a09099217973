"""More pictures without scripts: lines over time, and predicted against observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from customer_health import wording

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 24


@dataclass(frozen=True)
class Lines:
    """Coordinates for the template.

    Attributes:
        series: (name, rank, points, dots) per line; a dot is (x, y, day, value).
        ticks: (y, text) on the value axis.
        labels: (x, text, anchor) on the time axis.
    """

    series: list[tuple[str, int, str, list[tuple[float, float, date, float]]]]
    ticks: list[tuple[float, str]]
    labels: list[tuple[float, str, str]]


def lines(
    rows: Sequence[Mapping[str, Any]],
    series: Mapping[str, str],
    *,
    low: float | None = None,
    percent: bool = False,
) -> Lines | None:
    """Lay out values over days; None for fewer than two days.

    Args:
        rows: Each an ISO `as_of` and the values; None is a gap.
        series: Column to name, the most important first.
        low: Where the value axis begins; default: below the smallest value.
        percent: Write the ticks as percentages.
    """
    days = [date.fromisoformat(str(row["as_of"])) for row in rows]
    values = [float(row[name]) for row in rows for name in series if row.get(name) is not None]
    if len(days) < 2 or not values:
        return None
    bottom, top = (min(values) if low is None else min(low, *values)), max(values)
    room = max((top - bottom) * 0.08, 0.005)
    bottom, top = bottom - (room if low is None else 0.0), top + room
    span = max((days[-1] - days[0]).days, 1)

    def x(day: date) -> float:
        return round(LEFT + (day - days[0]).days / span * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (top - value) / (top - bottom) * (HEIGHT - TOP - BOTTOM), 1)

    drawn = []
    for rank, (column, name) in enumerate(series.items()):
        dots = [
            (x(day), y(float(row[column])), day, float(row[column]))
            for day, row in zip(days, rows, strict=True)
            if row.get(column) is not None
        ]
        drawn.append((name, rank, " ".join(f"{px},{py}" for px, py, _, _ in dots), dots))
    marks = [bottom + (top - bottom) * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    ticks = [(y(mark), wording.percent(mark) if percent else f"{mark:.2f}") for mark in marks]
    ends = [(x(days[0]), f"{days[0]:%b %Y}", "start"), (x(days[-1]), f"{days[-1]:%b %Y}", "end")]
    return Lines(drawn, ticks, ends)


SIDE = 260


def calibration(bins: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Lay out predicted (across) against observed (up) per tenth, with the spread that chance gives."""
    known = [row for row in bins if row.get("predicted") is not None and row["rows"]]
    if not known:
        return None
    dots = []
    for row in known:
        share = float(row["observed"])
        spread = 1.96 * (share * (1 - share) / row["rows"]) ** 0.5
        dots.append((float(row["predicted"]), share, spread))
    top: float = 1.08 * max(max(p, share + spread) for p, share, spread in dots)
    inner = SIDE - LEFT - TOP

    def x(value: float) -> float:
        return round(LEFT + value / top * inner, 1)

    def y(value: float) -> float:
        return round(TOP + (1 - max(value, 0.0) / top) * inner, 1)

    return {
        "side": SIDE + BOTTOM,
        "diagonal": (x(0), y(0), x(top), y(top)),
        "dots": [(x(p), y(share), y(share - spread), y(share + spread)) for p, share, spread in dots],
        "ticks": [(x(mark), y(mark), wording.percent(mark, 1)) for mark in (0.0, top / 2, top)],
    }
