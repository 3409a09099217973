"""What a store at an address (S3, Google Cloud Storage, Azure Blob Storage, ...) says when it refuses us.

Drivers raise their vendors' errors in their vendors' classes. Sorted here, one comes out as what happened and
what to do: no credentials, a refusal, no such bucket, or no answer. A class or a status tells which where the
driver gives one, else its words.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer_health.errors import CustomerHealthError, RetriableError
from customer_health.store_faults import of_disk

OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl")
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of the machine",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS (the path of a key file), or a service account of the machine",
    "abfs": "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_SAME = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs", "adl": "abfs"}
_NO_CREDENTIALS = (  # by class (botocore, google-auth), and adlfs' words
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "Must provide either a connection_string or account_name",
)
_REFUSED = ("Forbidden: ", "Access Denied", "SignatureDoesNotMatch", "InvalidAccessKeyId")  # gcsfs; s3fs
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "specified bucket does not exist", "No such container")


class StorageUnavailableError(RetriableError):
    """A store at an address did not answer, or refused; it may do better later."""

    store = "storage of reports and models"


@contextmanager
def asking(place: Path | str) -> Iterator[None]:
    """Say in our words what a store at an address refuses; a local path's errors pass as they are.

    Args:
        place: A local path, a `UPath`, or an address as text.

    Raises:
        FileNotFoundError: There is no such file.
        StoreFullError: The local disk, into which a file was fetched, is full.
        StorageUnavailableError: Anything else that the store or its driver raised.
    """
    if is_local(place):
        yield
        return
    try:
        yield
    except CustomerHealthError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _any(error, _NO_BUCKET):
            raise
        if isinstance(error, OSError) and error.errno in _FULL:  # ours, into which it was fetched
            raise of_disk(error) or error from None
        raise of_address(shown(place), error) from None


def is_local(place: Path | str) -> bool:
    """Whether a place is one of this machine's file system."""
    if isinstance(place, str):
        return "://" not in place or place.startswith("file://")
    return isinstance(place, Path)


def shown(place: Path | str) -> str:
    """Return an address without what it may hold of a login."""
    return re.sub(r"//[^/@]*@", "//", str(place))


def of_address(place: str, error: BaseException) -> StorageUnavailableError:
    """Return what a driver's error means."""
    said = f"({type(error).__name__}: {' '.join(str(error).split())[:300]})"
    protocol = place.partition("://")[0]
    cloud = _SAME.get(protocol, protocol)
    variables = _CREDENTIALS.get(cloud, "the variables that its driver documents")
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if _any(error, _NO_BUCKET):
        return no_such_bucket(place)
    if _any(error, _NO_CREDENTIALS):
        return StorageUnavailableError(
            f"There are no credentials for the storage at {place} {said}.",
            hint=f"Give every worker {variables} (in compose: in cloud.env).",
        )
    if isinstance(error, PermissionError) or str(status) in ("401", "403") or _any(error, _REFUSED):
        return StorageUnavailableError(
            f"The storage at {place} refused us {said}.",
            hint="Give this identity the rights to list, read, write and delete there; or correct "
            f"{variables}. `python -m customer_health doctor` tries all four.",
        )
    return StorageUnavailableError(
        f"The storage at {place} did not answer as it should {said}.",
        hint="Check that it can be reached from this worker, and that its credentials may list, read, "
        "write and delete there.",
    )


def no_such_bucket(place: str) -> StorageUnavailableError:
    """Return the error of a bucket, or a container, that is not there: a misspelt one must not be made."""
    protocol, _, path = shown(place).partition("://")
    return StorageUnavailableError(
        f"There is no bucket or container '{path.partition('/')[0]}': {protocol}://{path} cannot be used.",
        hint=f"Correct the address ({protocol}://bucket/folder), or create the bucket: nothing here does.",
    )


def protocol_of(system: Any) -> str:
    """Return the name of a file system, the first where it has several."""
    found = system.protocol
    return str(found if isinstance(found, str) else found[0])


def _any(error: BaseException, signs: tuple[str, ...]) -> bool:
    text = f"{type(error).__name__} {getattr(error, 'error_code', '')} {error}"
    return any(sign in text for sign in signs)
