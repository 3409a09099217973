"""The daily state: what is left of the raw tables after each was read once.

It is a handful of flat arrays, kept on disk as .npy files that are mapped into memory, never
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
VERSION = 2  # of the layout below; another version is rebuilt, not read


@dataclass
class State:
    """Reduced tables of one warehouse.

    Attributes:
        accounts: Account ids in order; a position in this list is the account's code everywhere.
        tables: Reduced table -> column -> array. Fact tables are sorted by account and time.
        meta: Small facts about the state: usage lag, feature names, names behind codes.
    """

    accounts: list[str]
    tables: dict[str, Columns]
    meta: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path, key: str) -> None:
        """Write the state so that a crash midway leaves either the old or no state, never half of one."""
        fresh = folder.with_name(folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        files: dict[str, dict[str, str]] = {}
        for number, (table, column) in enumerate((t, c) for t in self.tables for c in self.tables[t]):
            files.setdefault(table, {})[column] = f"{number:04d}.npy"
            np.save(fresh / f"{number:04d}.npy", self.tables[table][column], allow_pickle=False)
        manifest = {
            "version": VERSION,
            "key": key,
            "accounts": self.accounts,
            "meta": self.meta,
            "files": {t: files.get(t, {}) for t in self.tables},
        }
        (fresh / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def load(folder: Path, key: str) -> State | None:
    """Return the state kept under `folder` if it was made from exactly what `key` describes."""
    try:
        manifest: Mapping[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest.get("version") != VERSION or manifest.get("key") != key:
            return None
        tables = {
            table: {
                column: np.load(folder / name, mmap_mode="r", allow_pickle=False)
                for column, name in columns.items()
            }
            for table, columns in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError):  # missing or damaged: rebuilt from raw, which is the truth
        return None
    return State(list(manifest["accounts"]), tables, dict(manifest["meta"]))
