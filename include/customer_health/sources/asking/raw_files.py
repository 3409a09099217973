"""Where a vendor's rows land: gzipped JSON lines and Parquet, under a folder or any fsspec address.

    <address>/<source>/<resource>/0000012.jsonl.gz        the twelfth file of rows
    <address>/<source>/<resource>/2026-11-28.parquet      one asked window of an export
    <address>/<source>/<resource>/_seen-0000012.json.gz   digests of the rows that may come again

Files are whole or absent: a local one gets its name when it is complete, an object store shows it when it is
closed. The number of the last good file stands in the ledger; what a killed run left behind it is removed
before the next run asks, because under `repeated_keys: newest_wins` it would win.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from customer_health.address_faults import asking, is_local
from customer_health.storage import move_file, opened, put, replace_file

_LEVEL = 1  # raw rows shrink tenfold at the fastest level; a higher one costs more CPU than it saves


class RawFiles:
    """The files of one resource.

    Args:
        address: Folder or fsspec URL of everything that lands.
        source: Name of the source.
        resource: Name of the resource.
    """

    def __init__(self, address: str, source: str, resource: str) -> None:
        self._fs, root = opened(address)
        self._local = is_local(address)
        self._root = str(PurePosixPath(root) / source / resource)
        self._place = f"{address.rstrip('/')}/{source}/{resource}"

    def clear_after(self, number: int) -> None:
        """Remove what lies behind the last good file: the ledger does not know it."""
        for name in self._names():
            stem = name.removeprefix("_seen-").split(".")[0]
            if len(stem) == 7 and stem.isdigit() and int(stem) > number:
                self._remove(name)

    def write_lines(self, number: int, lines: Iterable[bytes]) -> str:
        """Write rows, one JSON object a line, and return the file's name."""
        name = f"{number:07d}.jsonl.gz"
        self._write(name, gzip.compress(b"\n".join(lines) + b"\n", _LEVEL, mtime=0))
        return name

    def has(self, name: str) -> bool:
        """Whether a file has landed."""
        with asking(self._place):
            return bool(self._fs.exists(f"{self._root}/{name}"))

    def put(self, name: str, path: Path) -> None:
        """Take over a finished local file."""
        self._write(name, path)

    def write_seen(self, number: int, seen: Mapping[str, str]) -> None:
        """Keep the digests that belong to a file number, and drop older ones."""
        self._write(f"_seen-{number:07d}.json.gz", gzip.compress(json.dumps(seen).encode(), _LEVEL, mtime=0))

    def drop_seen_before(self, number: int) -> None:
        """Remove digests that the ledger no longer points to."""
        for name in self._names():
            if name.startswith("_seen-") and int(name[6:13]) < number:
                self._remove(name)

    def read_seen(self, number: int) -> dict[str, str]:
        """Return key -> digest of the rows that may come again."""
        path = f"{self._root}/_seen-{number:07d}.json.gz"
        with asking(self._place):
            if not self._fs.exists(path):
                return {}
            found: dict[str, str] = json.loads(gzip.decompress(self._fs.cat_file(path)))
        return found

    def _names(self) -> list[str]:
        with asking(self._place):
            if not self._fs.exists(self._root):
                return []
            return sorted(PurePosixPath(path).name for path in self._fs.ls(self._root, detail=False))

    def _remove(self, name: str) -> None:
        with asking(self._place):
            self._fs.rm(f"{self._root}/{name}")

    def _write(self, name: str, content: bytes | Path) -> None:
        path = f"{self._root}/{name}"
        if not self._local:
            put(self._fs, path, content, f"{self._place}/{name}")
        elif isinstance(content, bytes):
            replace_file(Path(path), content)
        else:
            move_file(content, Path(path))


def address_of(home: Path, landing: str | None) -> str:
    """Return where files land: what the settings say, or a folder under the home folder."""
    return landing or str(home / "landing")


def digest(line: bytes) -> str:
    """Return eight bytes that tell whether a row has changed."""
    import hashlib

    return hashlib.blake2b(line, digest_size=8).hexdigest()


def dotted(row: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Return whether a row has a field, and its value; the path is dotted, as in a mapping."""
    if path in row:
        return True, row[path]
    head, _, rest = path.partition(".")
    inner = row.get(head)
    if not rest or not isinstance(inner, Mapping):
        # A parent that is null has no children, and says so: that is not a renamed field.
        return (head in row and inner is None), None
    return dotted(inner, rest)
