"""Find the files of a folder or bucket, and fetch remote ones into a local cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from customer_health.address_faults import asking
from customer_health.errors import ConfigurationError, DataContractError, RetriableError
from customer_health.sources.file_order import place_of
from customer_health.sources.files import KINDS, kind_of
from customer_health.storage import listed, opened


@dataclass(frozen=True)
class DataFile:
    """One file of a source.

    Attributes:
        name: Path inside the data folder, with forward slashes: its identity.
        path: Where it can be read locally.
        size: Bytes.
        modified: What tells a changed file without reading it: time, or the store's checksum.
    """

    name: str
    path: Path
    size: int
    modified: str

    def sha256(self) -> str:
        """Return the digest of the content."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _files_below(root: Path) -> Iterator[Path]:
    """Yield files and links to files, those in linked folders too; a link that leads nowhere is one."""
    seen: set[str] = set()
    for place, folders, names in os.walk(root, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = sorted(one for one in folders if os.path.realpath(Path(place, one)) not in seen)
        yield from (Path(place, name) for name in names if _is_file_or_link(Path(place, name)))


def _is_file_or_link(path: Path) -> bool:
    return path.is_file() or path.is_symlink()


class Folder:
    """A data folder: local, or anything that fsspec can open (s3://, gs://, abfs://, ...)."""

    def __init__(self, url: str, cache: Path) -> None:
        self.url = url
        self._cache = cache
        self._remote = "://" in url and not url.startswith("file://")
        self._seen: list[str] | None = None
        self._root = Path(url.removeprefix("file://")).expanduser()
        if not self._remote and not self._root.is_dir():
            what = "is a file, not a folder" if self._root.exists() else "does not exist"
            raise ConfigurationError(
                f"The data folder {url} {what}.", hint="Name a folder that holds data files."
            )

    def names(self) -> list[str]:
        """Return the names of all data files, sorted.

        Raises:
            ConfigurationError: There is none.
        """
        found = [name for name in self._listed() if kind_of(name) in KINDS]
        if not found:
            raise ConfigurationError(
                f"The data folder {self.url} holds no data files.",
                hint=f"Expected files of kind {', '.join(KINDS)}.",
            )
        return found

    def listed(self) -> list[str]:
        """Return the names of all files, as they were at the last look."""
        return list(self._listed())

    def look(self) -> None:
        """List the folder anew; until then what came after the last look is not seen."""
        if self._remote:
            fs, root = self._filesystem()
            names = [str(PurePosixPath(path).relative_to(root)) for path in listed(fs, root, self.url)]
        else:
            names = [path.relative_to(self._root).as_posix() for path in _files_below(self._root)]
        self._seen = sorted(names, key=place_of)

    def _listed(self) -> list[str]:
        if self._seen is None:
            self.look()
        return self._seen or []

    def _filesystem(self) -> tuple[Any, str]:
        fs, root = opened(self.url)
        return fs, root.rstrip("/")

    def matching(self, pattern: str) -> list[DataFile]:
        """Return the files whose name matches a path or a pattern (`usage/*.csv`), the oldest first."""
        pattern = pattern.removeprefix("./")
        if not any(sign in pattern for sign in "*?["):
            return [self.file(pattern)] if pattern in self._listed() else []
        return [self.file(name) for name in self._listed() if PurePosixPath(name).match(pattern)]

    def _followed(self, name: str) -> Path:
        path = self._root / name
        real, root = path.resolve(), self._root.resolve()
        if not real.is_relative_to(root):
            raise DataContractError(
                f"{name} is a link to {real}, which lies outside the data folder {self.url}.",
                hint="Copy the file, or move it, into the data folder: nothing else is read.",
            )
        if not real.is_file():
            raise DataContractError(
                f"{name} is a link to {real}, and there is no such file.",
                hint="Remove the link, or put the file back where it leads.",
            )
        return path

    def file(self, name: str) -> DataFile:
        """Return one file, fetched if it is remote and changed; a link that stays in the folder is followed.

        Raises:
            DataContractError: It is a link that leaves the folder, or leads nowhere.
            RetriableError: The store did not answer, or the file has gone since.
        """
        if not self._remote:
            path = self._followed(name)
            stat = path.stat()
            return DataFile(name, path, stat.st_size, str(stat.st_mtime_ns))
        try:
            return self._fetched(name)
        except FileNotFoundError:
            raise RetriableError(
                f"{self.url}/{name} was there when the folder was listed, and is gone.",
                hint="Nothing, if somebody replaced it: the next try lists the folder anew.",
            ) from None

    def _fetched(self, name: str) -> DataFile:
        fs, root = self._filesystem()
        with asking(f"{self.url}/{name}"):
            info = fs.info(f"{root}/{name}")
            modified = str(fs.checksum(f"{root}/{name}"))
            local = (
                self._cache
                / hashlib.sha256(f"{root}/{name}".encode()).hexdigest()[:16]
                / PurePosixPath(name).name
            )
            mark = local.with_name("checksum")
            if not local.exists() or not mark.exists() or mark.read_text() != modified:
                local.parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(f"{root}/{name}", str(local))
                mark.write_text(modified)
        return DataFile(name, local, int(info["size"]), modified)


def file_before(files: Iterable[DataFile], name: str, order: str) -> DataFile | None:
    """Return the file that comes just before another by its name, if there is one."""
    place = place_of(name, order)
    earlier = [file for file in files if place_of(file.name, order) < place]
    return max(earlier, key=lambda file: place_of(file.name, order), default=None)
