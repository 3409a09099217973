"""What moved since the previous published score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from customer_health.scoring.change_causes import Cause, of_customer
from customer_health.scoring.score_scale import tail_slope

MIN_POINTS = 1.0
LIMIT = "limit"  # the step of a waterfall that is not a concept
_ARROWS = {1: "▲", 0: "►", -1: "▼"}
_COMPARED = ("account_id", "as_of", "score", "score_shown", "model_id", "reasons", "waterfall")
Change = dict[str, Any]


def changes_since(
    previous: pd.DataFrame | None,
    current: pd.DataFrame,
    causes: Sequence[Sequence[Cause] | None] | None = None,
) -> list[Change | None]:
    """Compare each account's score with the one published before it.

    Args:
        previous: Published rows, at most one per account and of an earlier day (`as_of`, `account_id`,
            `score`, `score_shown`, `model_id`, `reasons`, and `waterfall` if it was kept).
        current: Freshly scored rows.
        causes: Per row of `current` what changed it since that day, see earlier_scoring.py.

    Returns:
        Per row of `current`, None without an earlier score, else `from`, `delta` (shown points),
        `arrow`, `since` (the earlier as-of date), `model_changed`, and `moved`: concepts with the
        points by which they moved the score, largest first. With waterfalls on both sides the steps
        are compared in full and add up to the difference (`start` moves when the portfolio's average
        does); otherwise only what the reasons of both days mention. Where causes are given, `causes` lists
        them with points that add up to the change of the unrounded score, and `moved` holds those of the
        customer: what another model or other settings did is ours.
    """
    if previous is None:
        return [None] * len(current)
    known = {row["account_id"]: row for row in _records(previous) if pd.notna(row.get("score_shown"))}
    told = causes or [None] * len(current)
    return [
        _change(known[row["account_id"]], row, why)
        if row["account_id"] in known and pd.notna(row["score_shown"])
        else None
        for row, why in zip(_records(current), told, strict=True)
    ]


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame[[name for name in _COMPARED if name in frame]].to_dict("records")


def _change(before: Mapping[Any, Any], after: Mapping[Any, Any], causes: Sequence[Cause] | None) -> Change:
    delta = int(after["score_shown"]) - int(before["score_shown"])
    return {
        "from": int(before["score_shown"]),
        "delta": delta,
        "arrow": _ARROWS[(delta > 0) - (delta < 0)],
        "since": pd.Timestamp(before["as_of"]).date().isoformat(),
        "model_changed": before.get("model_id") != after.get("model_id"),
        "moved": _moved(before, after) if causes is None else _large(of_customer(causes)),
        **({} if causes is None else {"causes": list(causes)}),
    }


def _moved(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[dict[str, Any]]:
    old, new = before.get("waterfall"), after.get("waterfall")
    shrink = 1.0
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        shrink = _shrinkage(before, after)
    else:
        old, new = _of_reasons(before.get("reasons")), _of_reasons(after.get("reasons"))
    steps = {name: new.get(name, 0.0) - old.get(name, 0.0) for name in dict.fromkeys([*old, *new])}
    steps.pop(LIMIT, None)
    return _large({name: points * shrink for name, points in steps.items()})


def _large(moved: Mapping[str, float]) -> list[dict[str, Any]]:
    large = [(name, points) for name, points in moved.items() if abs(points) >= MIN_POINTS]
    large.sort(key=lambda step: -abs(step[1]))
    return [{"concept": name, "points": round(points, 2)} for name, points in large]


def _shrinkage(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> float:
    """Shown points per point of the waterfalls, between two days.

    Near 0 and 100 a score gives way less than its steps ask for. No concept is to blame for that, so
    all of them are scaled alike instead of naming the limit as one more cause.
    """
    old, new = before["waterfall"], after["waterfall"]
    if not (old.get(LIMIT) or new.get(LIMIT)):
        return 1.0
    asked: float = sum(new.values()) - new.get(LIMIT, 0.0) - sum(old.values()) + old.get(LIMIT, 0.0)
    given = float(after["score"]) - float(before["score"])
    if abs(asked) < MIN_POINTS:  # two rounded sums that nearly cancel give no ratio
        return tail_slope(float(after["score"]))
    return float(min(max(given / asked, 0.0), 1.0))


def _of_reasons(reasons: Any) -> dict[str, float]:
    listed: Sequence[Mapping[str, Any]] = reasons if isinstance(reasons, Sequence) else ()
    return {str(reason["concept"]): float(reason["points"]) for reason in listed}
