"""The newest usage audit of an account, from what a playbook attached to its task: table, notes, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from customer_health.destinations import usage_audit_table
from customer_health.wording import day

WIDTH, HEIGHT, FOOT = 640, 150, 18


def usage_of(effects: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what the page shows, or None when no playbook audited the account's usage.

    Args:
        effects: Rows of the outbox, newest first.
    """
    for effect in effects:
        audit = (effect["payload"] or {}).get("usage_audit")
        if effect["verb"] == "create_task" and audit and "active" in audit:
            return {
                "as_of": audit["as_of"],
                "headline": usage_audit_table.headline(audit),
                "rows": usage_audit_table.rows(audit),
                "notes": list(usage_audit_table.notes(audit)),
                "bars": _bars(audit),
                "size": (WIDTH, HEIGHT),
            }
    return None


def _bars(audit: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return one bar per week, and the height of the line of licensed seats."""
    weeks = audit["weeks"]
    if not weeks:
        return None
    seats = float(audit["seats"] or 0)
    top = 1.1 * max([seats, 1.0, *(float(count) for _, count in weeks)])
    room, step = HEIGHT - FOOT, WIDTH / len(weeks)
    bars = [
        {
            "x": round(number * step + 0.15 * step, 1),
            "y": round(room * (1 - count / top), 1),
            "width": round(0.7 * step, 1),
            "height": round(room * count / top, 1),
            "title": f"week of {day(start)}: {count}",
            "label": day(start).rsplit(" ", 1)[0] if number % 4 == 0 else "",
        }
        for number, (start, count) in enumerate(weeks)
    ]
    line = round(room * (1 - seats / top), 1) if seats else None
    return {"bars": bars, "seats": line, "seats_text": f"{seats:,.0f} seats"}
