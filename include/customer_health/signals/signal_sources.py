"""Which signals live on which source, and how much of each source is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.derived import SOURCES


def sources_of(name: str) -> tuple[str, ...]:
    """Raw tables that a signal reads."""
    table = CATALOGUE[name].table
    return SOURCES.get(table, (table,))


def groups_of(columns: Collection[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what can be hidden as a whole, by kind and name: every source, concept and signal.

    A signal that reads two sources falls with either.

    Args:
        columns: Of the panel; a signal that is not built is in no group.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    names = [name for name in CATALOGUE if name in columns]
    for name in names:
        for source in sources_of(name):
            groups.setdefault(("source", source), []).append(name)
    for name in names:
        groups.setdefault(("concept", str(CATALOGUE[name].concept)), []).append(name)
    groups |= {("signal", name): [name] for name in names}
    return [(kind, name, tuple(hidden)) for (kind, name), hidden in groups.items()]


def known_share(panel: pd.DataFrame, names: Collection[str]) -> float:
    """Share of the panel's values of these signals that are known."""
    return float(panel[list(names)].notna().to_numpy().mean()) if len(panel) else 0.0


def coverage_by_segment(panel: pd.DataFrame) -> Mapping[str, Mapping[str, float]]:
    """Known share of each source's signals per segment: which connector to fix first, and for whom.

    As in the panel's own coverage, an evergreen customer lacks no signal about the end of a term.
    """
    out: dict[str, dict[str, float]] = {}
    names = [name for name in CATALOGUE if name in panel.columns]
    evergreen = panel["is_customer"] & panel["renewal_date"].isna()
    dated = [name for name in names if CATALOGUE[name].aggregation.dated]
    panel = panel.assign(**{name: panel[name].mask(evergreen, 0.0) for name in dated})
    for segment, rows in panel.groupby(panel["segment"].fillna("unknown")):
        for source in sorted({source for name in names for source in sources_of(name)}):
            mine = [name for name in names if source in sources_of(name)]
            out.setdefault(source, {})[str(segment)] = known_share(rows, mine)
    return out
