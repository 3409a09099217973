"""Number the accounts: every reduced table refers to an account by its position."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.state.daily_state import Columns

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[Any]


@dataclass(frozen=True)
class AccountIndex:
    """Accounts by position, merged ones standing for their survivor.

    Attributes:
        ids: Ids of the accounts that get rows.
        code_of: Any account id, merged ones included -> position in `ids`.
        segment: Position in `segments` per account, -1 if unknown.
        segments: Names of the segments.
        occurred: Day each account was created.
        seen: First day on which it had been created and known.
    """

    ids: list[str]
    code_of: dict[str, int]
    segment: Array
    segments: list[str]
    occurred: Array
    seen: Array

    @cached_property
    def digest(self) -> str:
        """Digest of all ids in their order, and of the merges."""
        text = json.dumps([self.ids, self.merged])
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def merged(self) -> list[tuple[str, str]]:
        """Accounts that stand for another, with the one they stand for."""
        pairs = ((name, self.ids[code]) for name, code in self.code_of.items())
        return sorted((name, survivor) for name, survivor in pairs if name != survivor)

    def columns(self) -> Columns:
        """The part of the index that the daily state keeps."""
        return {
            "segment": self.segment.astype(np.int32),
            "occurred": self.occurred.astype(np.int32),
            "seen": self.seen.astype(np.int32),
        }

    def table(self) -> pa.Table:
        """The index as a small table (account_id, account), to join raw tables with."""
        import pyarrow as pa

        codes = pa.array(list(self.code_of.values()), pa.int32())
        return pa.table({"account_id": pa.array(list(self.code_of), pa.string()), "account": codes})


def account_index(
    warehouse: Any, before: Sequence[str] = (), apart: Collection[str] = frozenset()
) -> AccountIndex:
    """Read raw.accounts and resolve merges.

    An account that was merged into another gets no row: its facts belong to the survivor.

    Args:
        warehouse: Where raw.accounts is.
        before: Ids in the order of an earlier run. They keep their positions, so that what was
            reduced then stays valid, unless one of them is gone.
        apart: Merged accounts that stand for themselves: their merger lies ahead of the dates asked about.
    """
    raw = warehouse.raw("accounts")
    rows = warehouse.fetch(
        raw.order_by(raw.account_id, raw.occurred_at, raw.known_at).select(
            "account_id",
            "merged_into",
            "segment",
            occurred=raw.occurred_at.date().epoch_days().cast("int32"),
            known=raw.known_at.date().epoch_days().cast("int32"),
        )
    )
    names = rows["account_id"].astype(str).tolist()
    latest = {name: row for row, name in enumerate(names)}  # of duplicates, the latest
    into = rows["merged_into"]
    merged = {
        names[row]: str(into[row])
        for row in latest.values()
        if into[row] and str(into[row]) in latest and names[row] not in apart
    }
    survivors = {name: stands_for(name, merged) for name in merged}
    alive = {name for name in latest if survivors.get(name, name) == name}
    ids = [*before, *sorted(alive.difference(before))] if alive.issuperset(before) else sorted(alive)
    position = {name: code for code, name in enumerate(ids)}
    kept = np.array([latest[name] for name in ids], dtype=np.int64)
    number, segments = _coded(rows["segment"][kept])
    return AccountIndex(
        ids=ids,
        code_of={name: position[survivors.get(name, name)] for name in latest},
        segment=number,
        segments=segments,
        occurred=rows["occurred"][kept],
        seen=np.maximum(rows["occurred"][kept], rows["known"][kept]),
    )


def merge_days(warehouse: Any) -> tuple[dict[str, str], dict[str, int]]:
    """Return who was merged into whom, and on which day; a merger without a day was always there."""
    raw = warehouse.raw("accounts")
    rows = warehouse.fetch(
        raw.filter(raw.merged_into.notnull())
        .order_by(raw.account_id, raw.occurred_at, raw.known_at)
        .select("account_id", "merged_into", day=raw.merged_at.date().epoch_days().cast("float64"))
    )
    into = {
        str(name): str(other) for name, other in zip(rows["account_id"], rows["merged_into"], strict=True)
    }
    days = {str(name): day for name, day in zip(rows["account_id"], rows["day"], strict=True)}
    return into, {name: int(day) for name, day in days.items() if not np.isnan(day)}


def _coded(texts: Array) -> tuple[Array, list[str]]:
    """Position of each text in the sorted list of texts, -1 for none; and the list."""
    given = texts.astype(bool)
    names, number = np.unique(texts[given].astype(str), return_inverse=True)
    out = np.full(len(texts), -1, dtype=np.int32)
    out[given] = number
    return out, names.tolist()


def stands_for(name: str, merged: Mapping[str, str]) -> str:
    """Return the account that stands for one, by account -> the one that it was merged into."""
    visited = [name]
    while name in merged:
        name = merged[name]
        if name in visited:  # a merged into b, b into a: the smaller id stands for the ring
            return min(visited[visited.index(name) :])
        visited.append(name)
    return name
