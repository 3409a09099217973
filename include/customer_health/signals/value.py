"""What is each source worth? Train without it and see how many churners are no longer found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.derived import SOURCES

# Trains walk-forward on a panel and returns the figure to compare, such as recall at capacity.
Train = Callable[[pd.DataFrame], float]


@dataclass(frozen=True)
class Worth:
    """The value of one source or signal.

    Attributes:
        kind: "source" or "signal".
        name: Which.
        signals: Signals that were hidden.
        known_share: Share of the panel's values of these signals that are known.
        loss: Fall of the figure without them; negative if it does better without.
    """

    kind: str
    name: str
    signals: tuple[str, ...]
    known_share: float
    loss: float


def sources_of(name: str) -> tuple[str, ...]:
    """Raw tables that a signal reads."""
    table = CATALOGUE[name].table
    return SOURCES.get(table, (table,))


def drop_one(panel: pd.DataFrame, train: Train, *, signals: Iterable[str] = ()) -> list[Worth]:
    """Hide one source at a time, and then each of the named signals, and train again.

    Hidden means unknown in every row, as if the source had never been connected. What the model can
    learn from the remaining sources it will: the loss is what nobody else can tell.

    Args:
        panel: The training panel.
        train: Trains on a panel and returns the figure; larger is better.
        signals: Signals to be judged one by one as well; each costs a training.

    Returns:
        Most valuable first; equal ones by name.
    """
    base = train(panel)
    groups: dict[tuple[str, str], list[str]] = {}
    for name in (name for name in CATALOGUE if name in panel.columns):
        for source in sources_of(name):
            groups.setdefault(("source", source), []).append(name)
    groups |= {("signal", name): [name] for name in signals if name in panel.columns}
    out = [
        Worth(kind, name, tuple(hidden), _known(panel, hidden), base - train(without(panel, hidden)))
        for (kind, name), hidden in groups.items()
    ]
    return sorted(out, key=lambda worth: (-worth.loss, worth.kind, worth.name))


def without(panel: pd.DataFrame, hidden: Iterable[str]) -> pd.DataFrame:
    """The panel as it would be without these signals."""
    return panel.assign(**dict.fromkeys(hidden, np.nan))


def _known(panel: pd.DataFrame, names: list[str]) -> float:
    return float(panel[names].notna().to_numpy().mean()) if len(panel) else 0.0


def coverage_by_segment(panel: pd.DataFrame) -> Mapping[str, Mapping[str, float]]:
    """Known share of each source's signals per segment: which connector to fix first, and for whom."""
    out: dict[str, dict[str, float]] = {}
    names = [name for name in CATALOGUE if name in panel.columns]
    for segment, rows in panel.groupby(panel["segment"].fillna("unknown")):
        for source in sorted({source for name in names for source in sources_of(name)}):
            mine = [name for name in names if source in sources_of(name)]
            out.setdefault(source, {})[str(segment)] = _known(rows, mine)
    return out
