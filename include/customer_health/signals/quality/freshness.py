"""Is a source silent, or are the customers? A silent source makes its signals unknown, nobody unhealthy.

One account without new rows is a quiet customer. When all of the many accounts that a source used to
report on fall quiet together, for longer than the source has ever been quiet, the pipe is broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.signals.facts.grid import EPOCH
from customer_health.signals.kernels import BLOCK
from customer_health.signals.signal import Signal
from customer_health.signals.usage.outage_days import MIN_ACCOUNTS

if TYPE_CHECKING:
    from customer_health.signals.state.reduction import Reduced

Array = NDArray[Any]
WATCHED = ("usage", "daily_users", "tickets", "ticket_messages", "surveys", "invoices", "interactions")
# Executives speak and log in; their silence means something only while both sources deliver.
DEPENDS: Mapping[str, tuple[str, ...]] = {
    "exec_activity": ("interactions", "usage"),
    "text_topics": ("ticket_messages",),  # read from what customers write
}
MEMORY_DAYS = 365  # how far back a source's own rhythm is learnt
MIN_SILENCE = 7  # days; a shorter pause is never a finding
PATIENCE = 3  # times the longest pause that the source has made before


@dataclass(frozen=True)
class Freshness:
    """One source on one as-of date.

    Attributes:
        table: The source.
        as_of: The date.
        last: Last day on which anything became known, None if nothing ever did.
        silent_days: Days since then.
        patience_days: Silence from which on it counts as stale; None if it need not or cannot be judged.
    """

    table: str
    as_of: date
    last: date | None
    silent_days: int | None
    patience_days: int | None

    @property
    def stale(self) -> bool:
        """Whether it is silent for longer than it should ever be."""
        if self.silent_days is None or self.patience_days is None:
            return False
        return self.silent_days > self.patience_days


def freshness(reduced: Reduced, as_of_dates: Sequence[date], config: CompanyConfig) -> list[Freshness]:
    """Judge every watched source on every as-of date, by what was known before it."""
    return [
        _judge(table, as_of, reduced, days, config)
        for table in WATCHED
        for days in [_days_of_news(reduced, table)]
        for as_of in sorted(set(as_of_dates))
    ]


def sources_of(signal: Signal) -> set[str]:
    """Sources whose silence makes a signal unbelievable."""
    return {*DEPENDS.get(signal.table, (signal.table,)), *getattr(signal.aggregation, "also", ())}


def _days_of_news(reduced: Reduced, table: str) -> Array:
    """Days on which anything of a source became known, ascending."""
    if table != "usage":
        facts = reduced.state.tables.get(table)
        return np.unique(facts["seen"].astype(np.int64)) if facts is not None else np.empty(0, np.int64)
    found = [np.empty(0, np.int64)]
    for block in (reduced.usage.blocks if reduced.usage is not None else {}).values():
        lag = reduced.usage.lag if reduced.usage is not None else 0
        found += [block.new_days["regular"].astype(np.int64) + lag, block.new_days["late"].astype(np.int64)]
    return np.unique(np.concatenate(found))


def _reporting(reduced: Reduced, table: str, since: int, until: int) -> int:
    """How many accounts a source told of between two days; for usage by whole blocks."""
    if table != "usage":
        facts = reduced.state.tables[table]
        inside = (facts["seen"] >= since) & (facts["seen"] <= until)
        return len(np.unique(facts["account"][inside]))
    blocks = reduced.usage.blocks if reduced.usage is not None else {}
    near = [block for number, block in blocks.items() if since // BLOCK <= number <= until // BLOCK]
    return len(
        np.unique(np.concatenate([part for b in near for part in (b.edges["account"], b.late["account"])]))
    )


def _judge(table: str, as_of: date, reduced: Reduced, days: Array, config: CompanyConfig) -> Freshness:
    now = (as_of - EPOCH).days
    end = int(np.searchsorted(days, now))
    if not end:
        return Freshness(table, as_of, None, None, None)
    last = int(days[end - 1])
    patience = config.signals.stale_after_days.get(table)
    late = config.signals.late_days.get(table, 0)
    if patience is None and now - last > MIN_SILENCE + late:  # else nothing needs to be judged
        pauses = np.diff(days[int(np.searchsorted(days, last - MEMORY_DAYS)) : end])
        if len(pauses) and _reporting(reduced, table, last - 55, last) >= MIN_ACCOUNTS:
            patience = max(MIN_SILENCE, PATIENCE * int(pauses.max())) + late
    return Freshness(table, as_of, EPOCH + timedelta(days=last), now - last, patience)
