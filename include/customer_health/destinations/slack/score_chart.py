"""The last weeks of a score: Slack's native line chart, and a line of characters where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.wording import day, half_up

TITLE_MOST, LABEL_MOST, POINTS_MOST = 50, 20, 13
_BARS = "▁▂▃▄▅▆▇█"


def points(score: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return (label, score) of the readings in `history`, oldest first; empty if fewer than two are known.

    `history` holds [ISO date, score] pairs.
    """
    known = [
        (str(when), int(half_up(float(value))))
        for when, value in score.get("history") or ()
        if value is not None
    ]
    known = sorted(known)[-POINTS_MOST:]
    labels = [day(when).rsplit(" ", 1)[0][:LABEL_MOST] for when, _ in known]
    if len(known) < 2 or len(set(labels)) < len(labels):
        return []
    return [(label, value) for label, (_, value) in zip(labels, known, strict=True)]


def block(readings: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the data_visualization block; anybody who sends it must be ready for `invalid_blocks`."""
    return {
        "type": "data_visualization",
        "title": f"Health score, last {len(readings)} readings"[:TITLE_MOST],
        "chart": {
            "type": "line",
            "series": [
                {"name": "score", "data": [{"label": label, "value": value} for label, value in readings]}
            ],
            "axis_config": {"categories": [label for label, _ in readings]},
        },
    }


def sparkline(readings: Sequence[tuple[str, int]]) -> str:
    """Return the readings as characters, 0 to 100 from the lowest to the highest bar."""
    top = len(_BARS) - 1
    return "".join(_BARS[min(max(value, 0), 100) * top // 100] for _, value in readings)
