"""What the specs of signals share: one as-of date, days counted back from it, one value asked for."""

from __future__ import annotations

from datetime import timedelta
from weakref import WeakKeyDictionary

import pandas as pd

from customer_health.signals.catalogue import named
from tests.lib.world import World, moment

TODAY = "2026-03-01"
_ANSWERS: WeakKeyDictionary[World, dict[tuple[str, str, int], pd.Series]] = WeakKeyDictionary()


def ask(world: World, name: str, account: str = "acme", as_of: str = TODAY) -> float | None:
    """The value of one signal, None for unknown. Asking for a second account computes nothing again."""
    facts = sum(len(rows) for rows in world.rows.values())
    asked = (name, as_of, facts)
    if asked not in _ANSWERS.setdefault(world, {}):
        _ANSWERS[world][asked] = world.signals(as_of, signals=named([name]))[name]
    value = _ANSWERS[world][asked].at[account]
    return None if value != value else float(value)


def ago(days: int) -> str:
    """So many days before the as-of date."""
    return (moment(TODAY) - timedelta(days=days)).date().isoformat()
