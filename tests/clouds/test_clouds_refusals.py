"""What a store refuses is said as what happened and what to do, by whichever way it is met."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from customer_health import storage
from customer_health.address_faults import StorageUnavailableError
from customer_health.errors import FatalError
from customer_health.ledger.engine import open_ledger
from customer_health.operations.backup import back_up, restore
from customer_health.settings import load_settings
from customer_health.sources.asking.raw_files import RawFiles
from customer_health.sources.locate import Folder
from customer_health.warehouse.connect import open_warehouse
from tests.clouds.stores import AZURITE_ACCOUNT, AZURITE_KEY, Bucket, Store

pytestmark = pytest.mark.timeout(600)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def _back_up(address: str, home: Path) -> object:
    settings = load_settings({}, home=home)
    open_ledger(settings.ledger_url).dispose()
    with open_warehouse(settings.warehouse_url) as con:
        con.execute("CREATE TABLE IF NOT EXISTS one AS SELECT 1 AS n")
    return back_up(settings, address, now=NOW)


WAYS: dict[str, Callable[[str, Path], object]] = {
    "a report is written": lambda address, _: storage.write(storage.place_of(f"{address}/a.md"), "x"),
    "reports are listed": lambda address, _: storage.files_below(storage.place_of(address)),
    "rows land": lambda address, _: RawFiles(address, "crm", "accounts").write_lines(1, [b"{}"]),
    "landed files are looked for": lambda address, home: Folder(address, home / "cache").names(),
    "a back-up is made": _back_up,
}


@pytest.mark.parametrize("way", list(WAYS))
def test_a_misspelt_bucket_is_said_and_never_made(store: Store, bucket: Bucket, home: Path, way: str) -> None:
    with pytest.raises(StorageUnavailableError) as stop:
        WAYS[way](f"{store.protocol}://no-such-bucket/health", home)
    assert "There is no bucket or container 'no-such-bucket'" in stop.value.message
    assert f"{store.protocol}://bucket/folder" in stop.value.hint
    assert not bucket.system.exists("no-such-bucket")


@pytest.mark.parametrize("way", list(WAYS))
def test_missing_credentials_are_said_with_the_variables_that_give_them(
    store: Store, bucket: Bucket, home: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.without:
        pytest.skip("without credentials Google's driver asks as nobody: the test of refusals has its answer")
    for name in store.without:
        monkeypatch.delenv(name)
    refused = refusal(store, bucket, home, way)
    assert "There are no credentials for the storage at" in refused.message
    assert next(iter(store.without)) in refused.hint


def refusal(store: Store, bucket: Bucket, home: Path, way: str) -> StorageUnavailableError:
    """What a new client is told; the next test begins with another one."""
    store.forget()
    try:
        with pytest.raises(StorageUnavailableError) as stop:
            WAYS[way](f"{bucket.address}/health", home)
    finally:
        store.forget()
    return stop.value


@contextmanager
def read_only(store: Store, bucket: Bucket, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials that are known, and may not write; where the emulator checks none, what Google answers."""
    if store.protocol == "abfs":
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas

        token = generate_container_sas(
            AZURITE_ACCOUNT, bucket.address.partition("://")[2], account_key=AZURITE_KEY,
            permission=ContainerSasPermissions(read=True, list=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )  # fmt: skip
        at = f"http://127.0.0.1:{store.port}/{AZURITE_ACCOUNT}"
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"BlobEndpoint={at};SharedAccessSignature={token}")
        yield
        return
    with _refusing(store.protocol) as address:
        patch.setenv("AWS_ENDPOINT_URL" if store.protocol == "s3" else "STORAGE_EMULATOR_HOST", address)
        yield


@contextmanager
def _refusing(protocol: str) -> Iterator[str]:
    """A server that answers every call as the vendor documents a refusal."""
    google = {
        "code": 403,
        "message": "robot@project does not have storage.objects.create access to the bucket.",
    }
    body = json.dumps({"error": {**google, "errors": [{"reason": "forbidden", "domain": "global"}]}})
    if protocol == "s3":
        body = (
            "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>1</RequestId></Error>"
        )

    class Refusing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # S3's driver waits for "100 Continue" before it sends a body

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(403)
            self.send_header("Content-Type", "application/xml" if protocol == "s3" else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(OSError):  # a driver may hang up before it has read everything
                    self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("way", ["a report is written", "rows land", "a back-up is made"])
def test_an_identity_without_the_right_to_write_is_told_which_rights_it_needs(
    store: Store, bucket: Bucket, home: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_only(store, bucket, monkeypatch):
        refused = refusal(store, bucket, home, way)
    assert f"The storage at {bucket.address}" in refused.message
    assert "refused us" in refused.message
    assert "the rights to list, read, write and delete there" in refused.hint


def test_a_back_up_without_its_manifest_is_not_restored(bucket: Bucket, home: Path) -> None:
    with pytest.raises(FatalError, match=r"has no readable manifest.json"):
        restore(load_settings({}, home=home), f"{bucket.address}/copies/none")
