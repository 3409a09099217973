"""Pictures without scripts: the score's history as an inline SVG, and the steps that lead to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from customer_health import wording

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


def placed(
    readings: Sequence[tuple[date, int]], events: Sequence[tuple[date, str, str]]
) -> list[tuple[float, str, str]]:
    """Return (x, mark, text) of the events within a history of scores, where `chart` puts their days."""
    if not readings:
        return []
    first, last = readings[0][0], readings[-1][0]
    span = max((last - first).days, 1)
    room = WIDTH - LEFT - RIGHT
    return [
        (
            round(LEFT + ((day - first).days / span if last > first else 1.0) * room, 1),
            mark,
            f"{wording.day(day)}: {text}",
        )
        for day, mark, text in events
        if first <= day <= last
    ]


@dataclass(frozen=True)
class Step:
    """One step of the way to a score.

    Attributes:
        name: What moved it.
        points: By how much.
        left: Where its bar begins, in percent of the scale.
        width: How long it is, in percent.
        whole: Whether it is a level (start, score) and no change.
    """

    name: str
    points: float
    left: float
    width: float
    whole: bool = False


def steps(waterfall: Mapping[str, float], score: float | None) -> list[Step]:
    """Lay out the way from the start to this score, longest steps first.

    A model starts at the average account, the rules at their full 100.

    Args:
        waterfall: `start`, points per concept, and perhaps `limit`, as scoring publishes it.
        score: Where it ends.
    """
    if not waterfall or score is None:
        return []
    names = {"start": "start", "limit": "end of the scale", "other": "everything else"}
    level = float(waterfall["start"])
    found = [Step(names["start"], level, 0.0, _on_scale(level), whole=True)]
    moves = [
        (name, points) for name, points in waterfall.items() if name not in ("start", "limit") and points
    ]
    moves.sort(key=lambda move: -abs(move[1]))
    if limit := waterfall.get("limit"):
        moves.append(("limit", limit))
    for name, points in moves:
        low, high = sorted((_on_scale(level), _on_scale(level + points)))
        found.append(Step(names.get(name, name), points, low, round(high - low, 1)))
        level += points
    return [*found, Step("score", score, 0.0, _on_scale(score), whole=True)]


def _on_scale(level: float) -> float:
    return round(min(max(level, 0.0), 100.0), 1)
