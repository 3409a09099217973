"""The bridge from last year's revenue to today's, as bars that begin where the one before ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH, ROW, BAR = 640, 30, 18


def bridge(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Lay out one line of retention; None where there was no revenue.

    Args:
        row: `start`, `expansion`, `contraction`, `churn`, each an amount and not negative.

    Returns:
        `width`, `height`, and `bars`: name, kind (level, up, down), x, y, width, height, signed amount.
    """
    start = float(row["start"] or 0.0)
    if start <= 0:
        return None
    up, smaller, gone = (float(row[name] or 0.0) for name in ("expansion", "contraction", "churn"))
    top = start + up
    steps = (
        ("A year ago", "level", 0.0, start, start),
        ("Grew", "up", start, top, up),
        ("Shrank", "down", top - smaller, top, -smaller),
        ("Left", "down", top - smaller - gone, top - smaller, -gone),
        ("Now", "level", 0.0, top - smaller - gone, top - smaller - gone),
    )
    bars = [
        {
            "name": name,
            "kind": kind,
            "x": round(WIDTH * low / top, 1),
            "y": index * ROW + (ROW - BAR) / 2,
            "width": max(round(WIDTH * (high - low) / top, 1), 1.0),
            "height": BAR,
            "amount": amount,
        }
        for index, (name, kind, low, high, amount) in enumerate(steps)
    ]
    return {"width": WIDTH, "height": ROW * len(steps), "bars": bars}
