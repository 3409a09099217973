"""The score's history as an inline SVG: tier bands, the line, its last point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 720, 180
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 10, 22


@dataclass(frozen=True)
class Chart:
    """Coordinates for the template, which only writes them down.

    Attributes:
        bands: (tier rank, y, height, lowest score) per tier.
        points: The line, in SVG's notation.
        dots: (x, y, day, score) per reading.
        labels: (x, text) on the time axis.
    """

    bands: list[tuple[int, float, float, int]]
    points: str
    dots: list[tuple[float, float, date, int]]
    labels: list[tuple[float, str]]


def chart(readings: Sequence[tuple[date, int]], tiers: Sequence[tuple[int, int]]) -> Chart:
    """Lay out a history of scores.

    Args:
        readings: (day, score), oldest first.
        tiers: (lowest, highest) score of each tier, worst first.
    """
    inner = HEIGHT - TOP - BOTTOM

    def y(score: float) -> float:
        return round(TOP + (100 - score) / 100 * inner, 1)

    first, last = readings[0][0], readings[-1][0]
    span = max((last - first).days, 1)

    def x(day: date) -> float:
        share = (day - first).days / span if last > first else 1.0
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    dots = [(x(day), y(score), day, score) for day, score in readings]
    ends = {first, last}
    return Chart(
        bands=[
            (rank, y(min(high + 1, 100)), round(y(low) - y(min(high + 1, 100)), 1), low)
            for rank, (low, high) in enumerate(tiers)
        ],
        points=" ".join(f"{px},{py}" for px, py, _, _ in dots),
        dots=dots,
        labels=[(x(day), f"{day:%d %b %Y}") for day in sorted(ends)],
    )
