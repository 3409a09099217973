"""What moved since the previous published score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

MIN_POINTS = 1.0
_ARROWS = {1: "▲", 0: "►", -1: "▼"}
Change = dict[str, Any]


def changes_since(previous: pd.DataFrame, current: pd.DataFrame) -> list[Change | None]:
    """Compare each account's score with the one published before it.

    Args:
        previous: Published rows, at most one per account (`as_of`, `account_id`, `score_shown`,
            `model_id`, `reasons`, and `waterfall` if it was kept).
        current: Freshly scored rows.

    Returns:
        Per row of `current`, None without an earlier score, else `from`, `delta` (shown points),
        `arrow`, `since` (the earlier as-of date), `model_changed`, and `moved`: concepts with the
        points by which they moved the score, largest first. With waterfalls on both sides the steps
        are compared in full (`start` is the portfolio's average, which moves too); otherwise only
        what the reasons of both days mention.
    """
    known = {
        row["account_id"]: row for row in previous.to_dict("records") if pd.notna(row.get("score_shown"))
    }
    return [
        _change(known[row["account_id"]], row)
        if row["account_id"] in known and pd.notna(row["score_shown"])
        else None
        for row in current.to_dict("records")
    ]


def _change(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Change:
    delta = int(after["score_shown"]) - int(before["score_shown"])
    return {
        "from": int(before["score_shown"]),
        "delta": delta,
        "arrow": _ARROWS[(delta > 0) - (delta < 0)],
        "since": pd.Timestamp(before["as_of"]).date().isoformat(),
        "model_changed": before.get("model_id") != after.get("model_id"),
        "moved": _moved(before, after),
    }


def _moved(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[dict[str, Any]]:
    old, new = before.get("waterfall"), after.get("waterfall")
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        old, new = _of_reasons(before.get("reasons")), _of_reasons(after.get("reasons"))
    steps = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in dict.fromkeys([*old, *new])}
    large = [(name, points) for name, points in steps.items() if abs(points) >= MIN_POINTS]
    large.sort(key=lambda step: -abs(step[1]))
    return [{"concept": name, "points": round(points, 2)} for name, points in large]


def _of_reasons(reasons: Any) -> dict[str, float]:
    listed: Sequence[Mapping[str, Any]] = reasons if isinstance(reasons, Sequence) else ()
    return {str(reason["concept"]): float(reason["points"]) for reason in listed}
