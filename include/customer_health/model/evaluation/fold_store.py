"""Fold results kept on disk, so that a training that was killed goes on where it stopped.

The key is a hash of everything a result depends on: the candidate and its settings, the training rows
with labels and weights, the rows to predict, the code of this package and the version of LightGBM. So a
result can be old, but never wrong; and next month, when nine of ten folds are the same as today, only
the tenth is computed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class FoldStore:
    """Arrays and texts by content hash in a folder; without a folder it keeps nothing.

    Args:
        folder: Where; created if needed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.used: set[str] = set()
        self.hits = 0

    def array(self, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what is kept under the key, or compute and keep it."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{key}.npy"
        found = self._kept(path)
        if found is not None:
            return np.asarray(np.load(io.BytesIO(found), allow_pickle=False), dtype=float)
        values = np.asarray(compute(), dtype=float)
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        _keep(path, buffer.getvalue())
        return values

    def text(self, key: str, compute: Callable[[], str]) -> str:
        """Likewise a text: the files of a fitted candidate."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{key}.txt"
        found = self._kept(path)
        if found is not None:
            return found.decode()
        made = compute()
        _keep(path, made.encode())
        return made

    def prune(self) -> None:
        """Forget what this training did not need, and what a killed one left behind."""
        if self.folder is not None and self.folder.exists():
            for path in self.folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.stem not in self.used:
                    path.unlink(missing_ok=True)

    def _kept(self, path: Path) -> bytes | None:
        self.used.add(path.stem)
        found = _read(path)
        self.hits += found is not None
        return found


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")  # two processes may compute the same
    partial.write_bytes(hashlib.sha256(data).digest() + data)
    partial.replace(path)


def _read(path: Path) -> bytes | None:
    """Read what is kept; a damaged file counts as none."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    digest, data = whole[:32], whole[32:]
    return data if hashlib.sha256(data).digest() == digest else None


@cache
def code_version() -> str:
    """Hash the sources of `model`: code that learns differently must not be served old results."""
    digest = hashlib.sha256(version("lightgbm").encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_of(*parts: pd.DataFrame | np.ndarray) -> str:
    """Hash tables and arrays, with the names of the columns."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame):
            digest.update(json.dumps(list(part.columns)).encode())
            values = part.to_numpy(dtype=float)
        else:
            values = np.asarray(part, dtype=float)
        digest.update(str(values.shape).encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def key_of(kind: str, settings: Mapping[str, Any], rows: str, *parts: pd.DataFrame | np.ndarray) -> str:
    """Hash a candidate, its settings and all that it will see.

    Args:
        kind: Of the candidate.
        settings: Everything else that is told it.
        rows: `digest_of` what it shares with others.
        parts: What it alone sees.
    """
    told = json.dumps([code_version(), kind, settings, rows, digest_of(*parts)], sort_keys=True, default=str)
    return f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:32]}"
