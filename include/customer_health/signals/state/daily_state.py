"""The daily state: what is left of the raw tables after each was read once.

It is a handful of flat arrays per table, kept on disk as .npy files that are mapped into memory, never
pickled. Days are int32 counts since 1970-01-01. A fact's `seen` is the later of the day it
happened and the day it was known: it is visible to as-of dates D > seen, and to no other.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Columns = dict[str, Array]

NEVER = 2**30  # a day that never comes: an open ticket closes then
VERSION = 5  # of the layout below; another version is rebuilt, not read


@dataclass
class State:
    """Reduced tables of a warehouse, or of a range of its accounts.

    Attributes:
        accounts: Account ids; a position in this list is the account's code everywhere.
        tables: Reduced table -> column -> array. Fact tables are sorted by account and time.
        meta: Small facts about the state: usage lag, names behind codes, since when tables are live.
    """

    accounts: list[str]
    tables: dict[str, Columns]
    meta: dict[str, Any] = field(default_factory=dict)

    def part(self, low: int, high: int) -> State:
        """The accounts low..high-1, renumbered from 0. What is not per account stays whole."""
        tables = {name: _part(name, columns, low, high) for name, columns in self.tables.items()}
        return State(self.accounts[low:high], tables, self.meta)


def range_of(account: Array, low: int, high: int) -> tuple[int, int]:
    """First row of account `low` and first of `high`, in a column that is sorted."""
    # Asked with wider numbers, NumPy would copy the whole column to widen it.
    begin, end = np.searchsorted(account, np.array([low, high], dtype=account.dtype))
    return int(begin), int(end)


def _part(name: str, columns: Columns, low: int, high: int) -> Columns:
    if name == "accounts":
        return {column: values[low:high] for column, values in columns.items()}
    begin, end = range_of(columns["account"], low, high)
    out = {column: values[begin:end] for column, values in columns.items()}
    out["account"] = out["account"] - np.int32(low)
    if "contract" in out and len(out["contract"]):
        out["contract"] = out["contract"] - out["contract"][0]
    return out


def mapped(file: Path) -> Array:
    """Map an array from disk; writing to it changes this process's copy only.

    Raises:
        OSError, ValueError: The file is missing or damaged.
    """
    # A plain writable array: compiled loops know one kind of array instead of three.
    return np.asarray(np.load(file, mmap_mode="c", allow_pickle=False))


class TableStore:
    """Reduced tables on disk, one folder each; a crash midway leaves the old table or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str, key: str) -> tuple[Columns, dict[str, Any]] | None:
        """Return a table and its small facts if it was made from exactly what `key` describes."""
        return self.latest(name, key)

    def latest(self, name: str, key: str | None = None) -> tuple[Columns, dict[str, Any]] | None:
        """Return a table and its small facts, whatever it was made from unless a key is given."""
        folder = self.folder / name
        try:
            manifest: Mapping[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            if manifest.get("version") != VERSION or key not in (None, manifest.get("key")):
                return None
            columns = {column: mapped(folder / file) for column, file in manifest["files"].items()}
        except (OSError, ValueError, KeyError):  # missing or damaged: rebuilt from raw, which is the truth
            return None
        return columns, dict(manifest["meta"])

    def save(self, name: str, key: str, columns: Columns, meta: Mapping[str, Any]) -> None:
        """Replace a table."""
        folder, fresh = self.folder / name, self.folder / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        files = {column: f"{number:03d}.npy" for number, column in enumerate(columns)}
        for column, file in files.items():
            np.save(fresh / file, columns[column], allow_pickle=False)
        manifest = {"version": VERSION, "key": key, "meta": dict(meta), "files": files}
        (fresh / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
