"""Number the accounts: every reduced table refers to an account by its position."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from customer_health.signals.state import Columns

if TYPE_CHECKING:
    import pyarrow as pa


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
    segment: list[int]
    segments: list[str]
    occurred: list[int]
    seen: list[int]

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
            "segment": np.array(self.segment, dtype=np.int32),
            "occurred": np.array(self.occurred, dtype=np.int32),
            "seen": np.array(self.seen, dtype=np.int32),
        }

    def table(self) -> pa.Table:
        """The index as a small table (account_id, account), to join raw tables with."""
        import pyarrow as pa

        codes = pa.array(list(self.code_of.values()), pa.int32())
        return pa.table({"account_id": pa.array(list(self.code_of), pa.string()), "account": codes})


def account_index(warehouse: Any, before: Sequence[str] = ()) -> AccountIndex:
    """Read raw.accounts and resolve merges.

    An account that was merged into another gets no row: its facts belong to the survivor.

    Args:
        warehouse: Where raw.accounts is.
        before: Ids in the order of an earlier run. They keep their positions, so that what was
            reduced then stays valid, unless one of them is gone.
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
    names = [str(value) for value in rows["account_id"]]
    latest = {name: row for row, name in enumerate(names)}  # of duplicates, the latest
    merged = {
        name: str(rows["merged_into"][row])
        for name, row in latest.items()
        if rows["merged_into"][row] and rows["merged_into"][row] in latest
    }
    survivors = {name: _survivor(name, merged) for name in latest}
    alive = {name for name, survivor in survivors.items() if name == survivor}
    ids = [*before, *sorted(alive - set(before))] if alive >= set(before) else sorted(alive)
    position = {name: code for code, name in enumerate(ids)}
    kept = [latest[name] for name in ids]
    segments = sorted({str(rows["segment"][row]) for row in kept if rows["segment"][row]})
    number = {name: code for code, name in enumerate(segments)}
    return AccountIndex(
        ids=ids,
        code_of={name: position[survivor] for name, survivor in survivors.items()},
        segment=[number.get(str(rows["segment"][row]), -1) for row in kept],
        segments=segments,
        occurred=[int(rows["occurred"][row]) for row in kept],
        seen=[int(max(rows["occurred"][row], rows["known"][row])) for row in kept],
    )


def _survivor(name: str, merged: dict[str, str]) -> str:
    visited = [name]
    while name in merged:
        name = merged[name]
        if name in visited:  # a merged into b, b into a: the smaller id stands for the ring
            return min(visited[visited.index(name) :])
        visited.append(name)
    return name
