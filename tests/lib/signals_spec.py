"""What the specs of signals share: one as-of date, days counted back from it, one value asked for."""

from __future__ import annotations

from datetime import timedelta

from customer_health.signals.catalogue import named
from tests.lib.world import World, moment

TODAY = "2026-03-01"


def ask(world: World, name: str, account: str = "acme", as_of: str = TODAY) -> float | None:
    """The value of one signal, None for unknown."""
    value = world.signals(as_of, signals=named([name])).at[account, name]
    return None if value != value else float(value)


def ago(days: int) -> str:
    """So many days before the as-of date."""
    return (moment(TODAY) - timedelta(days=days)).date().isoformat()
