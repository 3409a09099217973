"""Whether a published row of scores can be understood, before a playbook looks at it.

Every part that effects and conditions read is read here once: a damaged row fails alone, and not in the
middle of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

NUMBERS = (
    "score_shown",
    "arr",
    "seats",
    "days_to_renewal",
    "p90",
    "p180",
    "p_decision",
    "expected_loss",
    "coverage",
    "lifecycle_score",
)
TEXTS = ("tier", "band")
# Lists of a row: what each entry has to hold, and as what it is read.
PARTS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "reasons": {"points": float, "code": str},
    "moved": {"points": float, "concept": str},
    "facts": {"value": float, "code": str, "phrase": str, "short": str},
}


def check_row(row: Mapping[str, Any]) -> None:
    """Refuse a row that cannot be understood.

    Raises:
        ValueError: Naming column, entry and key.
    """
    for name in NUMBERS:
        if row.get(name) is not None:
            _read(float, row[name], name)
    for name in TEXTS:
        if not isinstance(row.get(name), str | None):
            raise ValueError(f"{name}: {row[name]!r} is not text")
    change = row.get("change")
    moved = change.get("moved") if isinstance(change, Mapping) else None
    for name, needed in PARTS.items():
        entries = (moved if name == "moved" else row.get(name)) or []
        if not isinstance(entries, list):
            raise ValueError(f"{name}: {entries!r} is not a list")
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry, Mapping):
                raise ValueError(f"{name}: entry {number}, {entry!r}, has no keys")
            for key, kind in needed.items():
                if key not in entry:
                    raise ValueError(f"{name}: entry {number} has no '{key}'")
                _read(kind, entry[key], f"{name}: entry {number}: {key}")


def _read(kind: Callable[[Any], Any], value: Any, where: str) -> None:
    try:
        kind(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{where}: {value!r} is not a number") from None
