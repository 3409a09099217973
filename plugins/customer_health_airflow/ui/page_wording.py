"""Numbers and dates as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any


def money(value: float | None) -> str:
    """Write an amount with three figures: 1.24M, 240k, 950."""
    if value is None:
        return "–"
    sign, size = ("−" if value < 0 else ""), abs(value)
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= unit * 0.9995:
            return f"{sign}{size / unit:.3g}{name}"
    return f"{sign}{size:.0f}"


def change(now: float | None, before: float | None, *, as_money: bool = False) -> str:
    """Write a difference with an arrow, so that colour is never the only sign."""
    if now is None or before is None:
        return ""
    difference = now - before
    if abs(difference) < 0.5:
        return "= 0"
    size = money(abs(difference)) if as_money else f"{abs(difference):.0f}"
    return f"{'▲' if difference > 0 else '▼'} {size}"


def points(value: float | None) -> str:
    """Write points with their sign: +3.0, −14.2."""
    return f"{value or 0:+.1f}".replace("-", "−")


def day(value: date | None) -> str:
    """Write a date: 14 Jan 2027."""
    return "–" if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """Write an instant in UTC, to the minute."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def reason_value(reason: Mapping[str, Any]) -> str:
    """Write the value behind a reason; unknown is said, not shown as zero."""
    value = reason.get("value")
    if value is None:
        return "unknown"
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")
