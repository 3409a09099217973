"""Files that others read later: models, reports and previews, in a folder or at any fsspec address.

    CUSTOMER_HEALTH_STORAGE unset                     <home>/models, <home>/reports, <home>/preview
    CUSTOMER_HEALTH_STORAGE=s3://bucket/health        s3://bucket/health/models, ...

An address lets a worker, and the server that shows reports, do without the volume. A path of it is a `UPath`,
which answers what this package asks of a `Path` (names, reading, existence); it is typed as one. Writing and
listing go through here: a file is whole or absent, and a listing never comes from a cache that another
process's file is missing in.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from customer_health.errors import ConfigurationError, CustomerHealthError, RetriableError
from customer_health.store_faults import writing_to

if TYPE_CHECKING:
    from upath import UPath

KINDS = ("models", "reports", "preview")
"""Folders that lie below CUSTOMER_HEALTH_STORAGE, or in the home folder."""
_OBJECTS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl")
_MODIFIED = ("LastModified", "last_modified", "updated", "mtime", "created")  # S3, Azure, GCS, local, memory


class StorageUnavailableError(RetriableError):
    """The store of models, reports and previews did not answer, or refused; it may do better later."""

    store = "storage of reports and models"


@dataclass(frozen=True)
class StoredFile:
    """One file of a listing.

    Attributes:
        path: Where it is.
        name: Below the folder that was listed, with forward slashes.
        modified: When it was last written, UTC.
    """

    path: Path
    name: str
    modified: datetime


def place_of(address: str | Path) -> Path:
    """Return a folder or file by its path or its fsspec address.

    Raises:
        ConfigurationError: No store answers to such an address here.
    """
    text = str(address)
    if text.startswith("file://"):  # a folder all the same: it is written by a rename
        text = unquote(urlsplit(text).path)
    if "://" not in text:
        return Path(text).expanduser().absolute()  # every process means the same folder
    import fsspec
    from upath import UPath

    try:
        fsspec.get_filesystem_class(text.partition("://")[0])
        place: Any = UPath(text, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"The storage address '{text}' cannot be opened: {error}",
            hint="Write it as s3://bucket/folder (gs://, abfs://, ...), and install the driver it names.",
        ) from None
    return cast("Path", place)


def is_local(path: Path) -> bool:
    """Whether a path is one of this machine's file system."""
    return isinstance(path, Path)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, with the folders above it; a reader meets all of it or none.

    A local file gets its name when it is complete, by a rename; an object store shows an object when it has
    taken all of it. Two writers of one file never mix theirs.

    Raises:
        StorageUnavailableError: The store at an address did not take it.
        StoreFullError: The local disk has no room.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    if is_local(path):
        replace_file(path, data)
        return path
    with asking(path):
        store = _store(path)
        try:
            store.fs.pipe_file(store.path, data)
        except FileNotFoundError as error:
            if store.protocol in _OBJECTS:  # it has no folders to make: a misspelt bucket must not be made
                raise OSError(f"there is no such bucket or container: {error}") from None
            store.fs.makedirs(store.parent.path, exist_ok=True)
            store.fs.pipe_file(store.path, data)
    return path


def replace_file(path: Path, data: bytes) -> None:
    """Give a local file new content by a rename. Where that fails the old one stays, and nothing beside it.

    Raises:
        StoreFullError, FatalError, RetriableError: The disk has no room, or does not take it.
    """
    with _beside(path) as fresh:
        fresh.write_bytes(data)


def move_file(source: Path, path: Path) -> None:
    """As `replace_file`, with the content of a finished file, which may lie on another disk and is consumed.

    Raises:
        StoreFullError, FatalError, RetriableError: The disk has no room, or does not take it.
    """
    with _beside(path) as fresh:
        shutil.move(source, fresh)  # a rename; between two file systems, where there is none, a copy


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield fresh
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)  # half a file, on a disk that may have no room for it
            raise


def read(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        FileNotFoundError: There is no such file.
        StorageUnavailableError: The store at an address did not answer.
    """
    if is_local(path):
        return path.read_bytes()
    with asking(path):
        store = _store(path)
        return bytes(store.fs.cat_file(store.path))


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    with asking(path):
        path.unlink(missing_ok=True)


def files_below(folder: Path) -> list[StoredFile]:
    """Return every file below a folder, at any depth, in order of its name; an absent folder has none.

    Raises:
        StorageUnavailableError: The store at an address did not answer.
    """
    return sorted(_listed(folder) if is_local(folder) else _asked(folder), key=lambda file: file.name)


def _listed(folder: Path) -> Iterator[StoredFile]:
    for path in folder.rglob("*"):
        if path.is_file():
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            yield StoredFile(path, path.relative_to(folder).as_posix(), modified)


def _asked(folder: Path) -> Iterator[StoredFile]:
    """One listing of the store, not a question a file."""
    with asking(folder):
        store = _store(folder)
        try:
            found = store.fs.find(store.path, detail=True)
        except FileNotFoundError:
            found = {}
        root = store.path.strip("/")
        for name, info in found.items():
            inside = name.strip("/").removeprefix(root).strip("/")
            yield StoredFile(folder / inside, inside, _modified(info) or store.fs.modified(name))


def _modified(info: dict[str, Any]) -> datetime | None:
    for key in _MODIFIED:
        value = info.get(key)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
    return None


def _store(path: Path) -> UPath:
    return cast("UPath", path)


@contextmanager
def asking(path: Path) -> Iterator[None]:
    """Say in our words what a store at an address refuses; drivers raise their vendors' errors."""
    if is_local(path):
        yield
        return
    try:
        yield
    except (CustomerHealthError, FileNotFoundError):
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        raise StorageUnavailableError(
            f"The storage at {path} did not answer as it should ({type(error).__name__}: {words}).",
            hint="Check that it can be reached from this worker, and that its credentials may list, read, "
            "write and delete there.",
        ) from None
