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
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class FoldStore:
    """Arrays by content hash in a folder; without a folder it keeps nothing.

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
        self.used.add(key)
        path = self.folder / f"{key}.npy"
        found = _read(path)
        if found is not None:
            self.hits += 1
            return found
        values = np.asarray(compute(), dtype=float)
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        data = buffer.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(hashlib.sha256(data).digest() + data)
        partial.replace(path)
        return values

    def prune(self) -> None:
        """Forget what this training did not need."""
        if self.folder is not None and self.folder.exists():
            for path in self.folder.glob("*.npy"):
                if path.stem not in self.used:
                    path.unlink(missing_ok=True)


def _read(path: Path) -> np.ndarray | None:
    """Read a kept array; a damaged file counts as none."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    digest, data = whole[:32], whole[32:]
    if hashlib.sha256(data).digest() != digest:
        return None
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), dtype=float)


@cache
def code_version() -> str:
    """Hash the sources of `model`: code that learns differently must not be served old results."""
    digest = hashlib.sha256(version("lightgbm").encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key_of(kind: str, settings: Mapping[str, Any], *parts: pd.DataFrame | np.ndarray) -> str:
    """Hash a candidate, its settings and all that it will see."""
    told = json.dumps([code_version(), kind, settings], sort_keys=True, default=str)
    digest = hashlib.sha256(told.encode())
    for part in parts:
        if isinstance(part, pd.DataFrame):
            digest.update(json.dumps(list(part.columns)).encode())
            values = part.to_numpy(dtype=float)
        else:
            values = np.asarray(part, dtype=float)
        digest.update(str(values.shape).encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return f"{kind}-{digest.hexdigest()[:32]}"
