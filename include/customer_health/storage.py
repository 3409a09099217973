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

from customer_health.address_faults import (
    OBJECT_STORES,
    asking,
    is_local,
    no_such_bucket,
    protocol_of,
    shown,
)
from customer_health.errors import ConfigurationError
from customer_health.store_faults import writing_to

if TYPE_CHECKING:
    from upath import UPath

KINDS = ("models", "reports", "preview")
"""Folders that lie below CUSTOMER_HEALTH_STORAGE, or in the home folder."""
_MODIFIED = ("LastModified", "last_modified", "updated", "mtime", "created")  # S3, Azure, GCS, local, memory


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
    from upath import UPath

    _driver_of(text)
    with asking(text):
        place: Any = UPath(text, use_listings_cache=False)
    return cast("Path", place)


def _driver_of(address: str) -> None:
    import fsspec

    try:
        fsspec.get_filesystem_class(address.partition("://")[0] if "://" in address else "file")
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"The storage address '{shown(address)}' cannot be opened: {error}",
            hint="Write it as s3://bucket/folder (gs://, abfs://, ...), and install the driver it names.",
        ) from None


def opened(address: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the path in it; its listings are never cached.

    Raises:
        ConfigurationError: No driver answers to such an address here.
    """
    import fsspec

    _driver_of(address)
    options = {} if is_local(address) else {"use_listings_cache": False}
    with asking(address):
        return cast("tuple[Any, str]", fsspec.url_to_fs(address, **options))


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
    with asking(path):  # a driver looks for its credentials when it is first needed
        store = _store(path)
        put(store.fs, store.path, data, str(path))
    return path


def put(system: Any, path: str, content: bytes | Path, place: str) -> None:
    """Put bytes, or a finished local file, under a path of a file system, and make its folders.

    Args:
        system: As `opened` returns it.
        path: In that file system.
        content: Bytes, or the local file.
        place: The address, for the words of an error.

    Raises:
        StorageUnavailableError: The store did not take it, or there is no such bucket.
    """

    def send() -> None:
        if isinstance(content, bytes):
            system.pipe_file(path, content)
        else:
            system.put_file(str(content), path)

    with asking(place):
        try:
            send()
        except FileNotFoundError:
            # An object store has no folders to make: making them would make a misspelt bucket.
            if protocol_of(system) in OBJECT_STORES:
                raise no_such_bucket(place) from None
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            send()


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
        found = listed(store.fs, store.path, str(folder))
        root = store.path.strip("/")
        for name, info in found.items():
            inside = name.strip("/").removeprefix(root).strip("/")
            yield StoredFile(folder / inside, inside, _modified(info) or store.fs.modified(name))


def listed(system: Any, path: str, place: str) -> dict[str, dict[str, Any]]:
    """Return what the store knows of every file below a path; nothing where the folder is absent.

    Raises:
        StorageUnavailableError: It did not answer, or there is no such bucket: that is not an empty one.
    """
    with asking(place):
        try:
            found = dict(system.find(path, detail=True))
        except FileNotFoundError:
            found = {}
        if not found and protocol_of(system) in OBJECT_STORES:
            try:
                system.ls(path.strip("/").partition("/")[0])
            except FileNotFoundError:
                raise no_such_bucket(place) from None
            except Exception:  # who may list below a folder only has a bucket
                return {}
        return found


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
