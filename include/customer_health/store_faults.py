"""What an error of a store means: the file of the warehouse, the file or the server of the ledger.

The engines say it in their own words and in their own classes. Sorted here, it comes out as what happened and
what to do, and as whether trying again helps. What is not recognised is left alone: it may be ours.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from customer_health.errors import ConfigurationError, CustomerHealthError, FatalError, RetriableError

RESTORE = "Restore the last back-up (python -m customer_health restore) into an empty place, and point to it."
_SPACE = (
    "no space left",
    "disk is full",
    "disk full",
    "file too large",
    "not enough space",
    "quota exceeded",
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM)
_FAILING = (errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENODEV)
_CUT_SHORT = (" requested and ", " written")  # numpy's words for a write that found no room; without a number
_FORBIDDEN = ("permission denied", "read-only", "readonly", "operation not permitted")
_DAMAGED = (
    "not a valid duckdb database file",
    "not a database",
    "malformed",
    "corrupt",
    "checksum",
    "could not read enough bytes",
    "could not read all bytes",
    "failed to deserialize",
    "serialization error",
    "disk i/o error",
    "invalid page in block",
    "could not read block",
)
_NEWER = (
    "can only read",
    "newer version of",
    "storage version",
    "written by a newer",
    "unsupported file format",
)
_GONE = (
    "unable to open database file",
    "no such file or directory",
    "is a directory",
    "could not open directory",
)
_LOCKED = ("database is locked", "database table is locked", "could not set lock", "conflicting lock")
_STOPPED = (
    "connection refused",
    "could not connect",
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "the database system is",
    "connection timed out",
    "could not translate host name",
    "connection reset",
    "ssl connection has been closed",
    "connection already closed",
)


_LOGIN = ("password authentication failed", "no pg_hba.conf entry")


class StoreLockedError(RetriableError):
    """Another process holds the store for longer than we wait."""


class StoreFullError(RetriableError):
    """There is no room to write: nothing of the transaction was kept."""


class StoreStoppedError(RetriableError):
    """The store's server does not answer."""


class StoreDamagedError(FatalError):
    """What is in the store's file cannot be read; nothing was written into it."""


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Say in our words why a file of this machine could not be written."""
    try:
        yield
    except OSError as error:
        raise of_disk(error, str(path)) or error from None


def of_disk(error: OSError, path: str = "") -> CustomerHealthError | None:
    """Return what an error of the file system means, or None where it says nothing about the disk itself.

    Args:
        error: As Python, numpy or pyarrow raised it.
        path: What was written; else what the error names.
    """
    words = " ".join(str(error).split())[:200]
    place = path or str(error.filename or "") or "A file"
    cut = error.errno is None and all(sign in words for sign in _CUT_SHORT)
    if error.errno in _FULL or cut or "no space left on device" in words.lower():
        return StoreFullError(
            f"{place} cannot be written: the disk is full ({words}). What was there before is whole.",
            hint="Free or add disk space (python -m customer_health retain removes what is old; du -sh shows "
            "what is large); the next try goes on.",
        )
    if error.errno in _NOT_OURS:
        return FatalError(
            f"{place} may not be written: {words}",
            hint="Give the user of the workers (uid 50000 in the image) the right to write there, "
            "and mount the volume for writing.",
        )
    if error.errno in _FAILING:
        return RetriableError(
            f"{place} cannot be read or written: the disk or its mount failed ({words}).",
            hint="Look at the machine's log and the mount. Where the disk is lost: " + RESTORE,
        )
    return None


def of_store(store: str, place: str, error: BaseException) -> CustomerHealthError | None:
    """Return what an engine's error means, or None where it says nothing about the store itself.

    Args:
        store: "warehouse" or "ledger".
        place: Its path or address, without a password.
        error: As the engine raised it.
    """
    found = _sorted(store, place, error)
    if found is not None:
        found.store = store
    return found


def _sorted(store: str, place: str, error: BaseException) -> CustomerHealthError | None:
    words = str(error).lower()
    name = f"The {store} {place}"
    said = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    if _any(words, _SPACE):
        return StoreFullError(
            f"{name} cannot grow: the disk is full. Nothing of this step was kept.",
            hint="Free or add disk space (python -m customer_health retain removes what is old); "
            "the next try goes on.",
        )
    if _any(words, _NEWER):
        return ConfigurationError(
            f"{name} was written by a newer version: {said}",
            hint="Run the version that wrote it, or restore the back-up from before the upgrade.",
        )
    if _any(words, _LOCKED):
        return StoreLockedError(
            f"{name} is held by another process.",
            hint="Wait for the running task, or close the shell that holds it; the next try goes on.",
        )
    if _any(words, _DAMAGED):
        aside = (
            " Without one: move it and the folder state aside; the sources are read again."
            if store == "warehouse"
            else " It cannot be computed again: it says what was sent."
        )
        return StoreDamagedError(f"{name} is damaged: {said}", hint=RESTORE + aside)
    if _any(words, _FORBIDDEN):
        return FatalError(
            f"{name} may not be written: {said}",
            hint="Give the user of the workers (uid 50000 in the image) the right to write there, "
            "and mount the volume for writing.",
        )
    if _any(words, _STOPPED):
        return StoreStoppedError(
            f"{name} does not answer: {said}",
            hint="Start its server, or fix the network; the next try goes on, and nothing was lost.",
        )
    if store == "ledger" and "://" in place and _any(words, _LOGIN):
        return ConfigurationError(
            f"{name} refuses our login.", hint="Correct user and password in CUSTOMER_HEALTH_LEDGER_URL."
        )
    if _any(words, _GONE):
        return FatalError(
            f"{name} cannot be opened: {said}",
            hint="Was it moved, or its volume not mounted? Put it back, or correct the address.",
        )
    return None


def _any(words: str, signs: Sequence[str]) -> bool:
    return any(sign in words for sign in signs)
