"""What made a score move, in the words an alert needs: the customer, the calendar, or our own model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOSTLY = 0.5  # a concept explains a fall if it accounts for at least this share of it
NO_CUSTOMER = frozenset({"start", "limit", "other", "calendar"})


def cause_of(drop: float | None, moved: Sequence[Mapping[str, Any]], *, model_changed: bool) -> str:
    """Return "model", "calendar" or "customer": who is behind a fall of `drop` points.

    Args:
        drop: Points lost since the reading before; None without one.
        moved: `change.moved` of the score: concept and points, negative for what pulled it down.
        model_changed: The two readings come from different models, so they cannot be compared.
    """
    if model_changed:
        return "model"
    if drop is not None and drop > 0 and -_points(moved, "calendar") >= MOSTLY * drop:
        return "calendar"
    return "customer"


def explanation(
    cause: str,
    drop: float | None,
    moved: Sequence[Mapping[str, Any]],
    days_to_renewal: float | None,
    horizons: Sequence[int],
) -> str:
    """Return the sentence that an alert and a task carry; empty when the customer's behaviour explains it."""
    if cause == "model":
        return "A new model scored this account: the change is ours, not the customer's."
    if cause != "calendar" or drop is None:
        return ""
    behaviour = sum(float(step["points"]) for step in moved if step["concept"] not in NO_CUSTOMER)
    reached = [days for days in sorted(horizons) if days_to_renewal is not None and days_to_renewal <= days]
    within = f"Renewal now within the {reached[0]}-day horizon" if reached else ""
    opening = within or "The renewal calendar moved"
    share = min(-_points(moved, "calendar") / drop, 1.0)
    said = f"{opening}; that explains {share:.0%} of the fall"
    if abs(behaviour) < 1:
        return f"{said}, behaviour has not changed."
    size = f"{abs(behaviour):.0f}"
    points = "1 point" if size == "1" else f"{size} points"
    return f"{said}, behaviour {'worsened' if behaviour < 0 else 'improved'} by {points}."


def _points(moved: Sequence[Mapping[str, Any]], concept: str) -> float:
    return sum(float(step["points"]) for step in moved if step["concept"] == concept)
