"""Accounts as they were before they were merged: a back-test must not see July's merger in March.

The daily state knows each account by its survivor. Before a merger both were customers of their own, so for
as-of dates until then their rows are computed apart, and take the place of the survivor's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from customer_health.company import CompanyConfig
from customer_health.progress import Progress, silent
from customer_health.signals.facts.grid import EPOCH
from customer_health.signals.signal import Signal
from customer_health.signals.state.account_index import account_index, merge_days
from customer_health.signals.state.reduction import Reduced, reduce_warehouse
from customer_health.signals.state.table_reader import Warehouse

if TYPE_CHECKING:
    import pandas as pd


class Parts(Protocol):
    """Computes a panel a range of accounts at a time."""

    def __call__(
        self,
        reduced: Reduced,
        config: CompanyConfig,
        as_of_dates: Sequence[date],
        signals: Sequence[Signal],
        *,
        accounts_at_once: int,
    ) -> Iterator[pd.DataFrame]:
        """Yield the panel."""


@dataclass(frozen=True)
class Era:
    """Dates on which the same accounts of a group stood apart.

    Attributes:
        members: All accounts of the group, anybody who they were merged into.
        apart: Those whose merger lay ahead.
        dates: The as-of dates.
    """

    members: frozenset[str]
    apart: frozenset[str]
    dates: tuple[date, ...]


def with_former_accounts(
    panel: pd.DataFrame,
    warehouse: Warehouse,
    config: CompanyConfig,
    signals: Sequence[Signal],
    parts_of: Parts,
    *,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the panel with accounts apart on dates before they were merged; itself if there are none.

    Args:
        panel: As `build_panel` describes it, with every merged account under its survivor.
        warehouse: Where raw tables are.
        config: The company file.
        signals: The panel's signals.
        parts_of: `panel_parts`.
        progress: Called once per reduced table.
    """
    import pandas as pd

    days = sorted({moment.date() for moment in panel["as_of"]})
    layers = _layers(eras(*merge_days(warehouse), days))
    if not layers:
        return panel
    parts = [panel]
    for layer in layers:
        members = sorted(frozenset().union(*(era.members for era in layer)))
        apart = frozenset[str]().union(*(era.apart for era in layer))
        index = account_index(warehouse, apart=apart)
        first = sorted(set(members) & set(index.ids))
        index = account_index(warehouse, [*first, *sorted(set(index.ids) - set(first))], apart)
        reduced = reduce_warehouse(warehouse, config, signals, index=index, progress=progress)
        dates = sorted({day for era in layer for day in era.dates})
        rows = next(parts_of(reduced, config, dates, signals, accounts_at_once=len(first)))
        for era in layer:
            stamps = pd.DatetimeIndex(era.dates)
            parts[0] = parts[0][~(parts[0]["as_of"].isin(stamps) & parts[0]["account_id"].isin(era.members))]
            parts.append(rows[rows["as_of"].isin(stamps) & rows["account_id"].isin(era.members)])
    whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return whole.sort_values(["as_of", "account_id"], ignore_index=True)


def eras(into: Mapping[str, str], merged_on: Mapping[str, int], days: Sequence[date]) -> list[Era]:
    """Return the eras that differ from today's accounts, group by group.

    Args:
        into: Account -> account that it was merged into.
        merged_on: Account -> day of that, since 1970-01-01; it counts for as-of dates after it.
        days: As-of dates.
    """
    groups: dict[str, set[str]] = {}
    for name, other in into.items():
        joined = groups.get(name, {name}) | groups.get(other, {other})
        for member in joined:
            groups[member] = joined
    out: dict[tuple[frozenset[str], frozenset[str]], list[date]] = {}
    for group in {frozenset(group) for group in groups.values()}:
        for day in days:
            number = (day - EPOCH).days
            apart = frozenset(name for name in group if merged_on.get(name, -1) >= number)
            if apart:
                out.setdefault((group, apart), []).append(day)
    return [
        Era(group, apart, tuple(dates))
        for (group, apart), dates in sorted(out.items(), key=lambda item: (sorted(item[0][0]), item[1]))
    ]


def _layers(found: Sequence[Era]) -> list[list[Era]]:
    """Eras that can be computed together: at most one of each group."""
    layers: list[list[Era]] = []
    for era in found:
        for layer in layers:
            if all(other.members != era.members for other in layer):
                layer.append(era)
                break
        else:
            layers.append([era])
    return layers
