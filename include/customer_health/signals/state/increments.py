"""Bring a kept table up to date by reducing again only the accounts that new loads touch.

A fact may be appended, corrected, closed or replaced by a later load; whatever a load says about an
account, all rows of that account are read again, and those of all others stay. Whether the others are
still right is not assumed: counts and sums of their raw rows must add up to what the table holds now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.state.account_index import AccountIndex
from customer_health.signals.state.daily_state import Columns, TableStore
from customer_health.signals.state.table_reader import NUMBERS, Warehouse
from customer_health.signals.usage.usage_history import spread

Array = NDArray[Any]
Made = tuple[Columns, dict[str, Any]]
MOST = 0.3  # share of the accounts; if more are touched, reading all is as cheap
MARKS = ("rows", "places", "amounts")


@dataclass(frozen=True)
class Recipe:
    """How a table is made.

    Attributes:
        name: Its name in the state.
        sources: Raw tables it is made from.
        shape: What else decides its columns.
        make: Reduces the accounts that the warehouse has numbered.
    """

    name: str
    sources: Sequence[str]
    shape: str
    make: Callable[[Warehouse], Made]

    def key(self, warehouse: Warehouse, index: AccountIndex) -> str:
        """Digest of everything the table depends on; the same key, the same table."""
        loaded = [warehouse.fingerprint(source) for source in self.sources]
        return _digest([loaded, self.shape, index.digest])


def rebuilt(warehouse: Warehouse, store: TableStore, recipe: Recipe, index: AccountIndex, key: str) -> Made:
    """Read everything, keep it, and note what each account's rows added up to."""
    marks = {source: warehouse.marks(source) for source in recipe.sources}
    loads = {source: warehouse.loads(source)[1] for source in recipe.sources if marks[source] is not None}
    columns, meta = recipe.make(warehouse)
    known = {source: _per_account(found, len(index.ids)) for source, found in marks.items() if found}
    _save(store, recipe, index, key, (columns, meta), known if len(known) == len(marks) else {}, loads)
    return columns, meta


def refreshed(
    warehouse: Warehouse, store: TableStore, recipe: Recipe, index: AccountIndex, key: str
) -> Made | None:
    """Return the kept table with the touched accounts reduced again; None if it must be rebuilt."""
    kept = store.latest(recipe.name)
    if kept is None or not _still_fits(kept[1].get("made"), recipe, index):
        return None
    (columns, meta), made = kept, kept[1]["made"]
    stored = store.load(f"{recipe.name}.marks", made["key"])
    if stored is None:
        return None
    marks = {source: _grown(source, stored[0], len(index.ids)) for source in recipe.sources}
    loads = {source: warehouse.loads(source)[1] for source in recipe.sources}
    new = {source: sorted(set(loads[source]) - set(made["loads"][source])) for source in recipe.sources}
    if any(marks[source][-1].any() for source in recipe.sources) and len(index.ids) > made["accounts"]:
        return None  # rows of an account that nobody knew were left out; perhaps it is known now
    touched = warehouse.touched(new)
    accounts = np.unique(touched[touched >= 0])
    if len(accounts) > MOST * len(index.ids):
        return None
    with_numbers = index.table()
    chosen = np.isin(with_numbers.column("account").to_numpy(), accounts)
    warehouse.keep(NUMBERS, with_numbers.filter(chosen))
    try:
        for source in recipe.sources:
            marks[source][accounts] = 0
            found = warehouse.marks(source, only_numbered=True)
            if found is None:
                return None
            marks[source] += _per_account(found, len(index.ids))
        fresh = recipe.make(warehouse) if len(accounts) else None
    finally:
        warehouse.keep(NUMBERS, with_numbers)
    for source in recipe.sources:
        marks[source][-1] += warehouse.rows_without_account(source, new[source])
        if warehouse.sums(source) != [int(total) for total in marks[source].sum(axis=0)]:
            return None  # rows of other accounts changed or went
    if fresh is not None:
        columns, meta = _replaced(columns, meta, fresh, accounts, len(index.ids))
    _save(store, recipe, index, key, (columns, meta), marks, loads)
    return columns, meta


def _still_fits(made: Mapping[str, Any] | None, recipe: Recipe, index: AccountIndex) -> bool:
    """Whether the kept table has the same form, and numbers for the same accounts."""
    if not made or made["shape"] != _shape(recipe, index) or made["accounts"] > len(index.ids):
        return False
    return bool(made["names"] == _digest(index.ids[: made["accounts"]]))


def _shape(recipe: Recipe, index: AccountIndex) -> str:
    return _digest([recipe.shape, list(recipe.sources), index.merged])


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


def _save(
    store: TableStore, recipe: Recipe, index: AccountIndex, key: str, table: Made,
    marks: Mapping[str, Array], loads: Mapping[str, Sequence[str]],
) -> None:  # fmt: skip
    made = {
        "key": key, "shape": _shape(recipe, index), "accounts": len(index.ids),
        "names": _digest(index.ids), "loads": {source: list(found) for source, found in loads.items()},
    }  # fmt: skip
    if marks:
        named = {f"{source}:{i}": each[:, i] for source, each in marks.items() for i in range(len(MARKS))}
        store.save(f"{recipe.name}.marks", key, named, {})
    store.save(recipe.name, key, table[0], {**table[1], "made": made if marks else None})


def _per_account(found: Columns, many: int) -> Array:
    """(accounts + 1, marks) of the rows of `Warehouse.marks`; unknown accounts come last, as -1 says."""
    out = np.zeros((many + 1, len(MARKS)), dtype=np.int64)
    out[found["account"]] = np.column_stack([found[name] for name in MARKS])
    return out


def _grown(source: str, stored: Columns, many: int) -> Array:
    """Kept marks with room for the accounts that came since; unknown accounts stay last."""
    columns = [stored[f"{source}:{i}"] for i in range(len(MARKS))]
    out = np.zeros((many + 1, len(MARKS)), dtype=np.int64)
    for i, column in enumerate(columns):
        out[: len(column) - 1, i], out[-1, i] = column[:-1], column[-1]
    return out


def _replaced(columns: Columns, meta: dict[str, Any], fresh: Made, accounts: Array, many: int) -> Made:
    """Put the fresh rows of some accounts in the place of the kept ones."""
    new_rows, meta = dict(fresh[0]), dict(meta)
    if "plans" in meta:
        meta["plans"], columns, new_rows = _same_plans(meta["plans"], columns, fresh[1]["plans"], new_rows)
    every = np.arange(many + 1)
    old_starts, new_starts = (np.searchsorted(rows["account"], every) for rows in (columns, new_rows))
    old_many, new_many = np.diff(old_starts), np.diff(new_starts)
    old_many[accounts] = 0
    ends = np.cumsum(old_many + new_many)
    places = ends - old_many - new_many  # an account's rows are all kept, or all fresh
    out: Columns = {}
    for name, values in columns.items():
        target = np.empty(int(ends[-1]) if many else 0, values.dtype)
        spread(np.ascontiguousarray(values), old_starts[:-1], old_many, places, target)
        spread(np.ascontiguousarray(new_rows[name], values.dtype), new_starts[:-1], new_many, places, target)
        out[name] = target
    if "contract" in out and len(out["contract"]):
        begins = (np.diff(out["contract"]) != 0) | (np.diff(out["account"]) != 0)
        out["contract"] = np.concatenate([[0], np.cumsum(begins)]).astype(out["contract"].dtype)
    return out, meta


def _same_plans(
    before: Sequence[str], kept: Columns, now: Sequence[str], new_rows: Columns
) -> tuple[list[str], Columns, Columns]:
    """Spell the plan codes of both tables by one list of names."""
    names = sorted({*before, *now})
    out = []
    for spelt, rows in ((before, kept), (now, new_rows)):
        code = np.array([*(names.index(name) for name in spelt), -1], dtype=np.int32)
        out.append({**rows, "plan": code[rows["plan"]]})
    return names, out[0], out[1]
