"""S3 by moto, Azure Blob Storage by Microsoft's Azurite, Google Cloud Storage by gcp-storage-emulator."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec

IMAGE = Path(__file__).parents[2] / ".venv-image"
PATIENCE = 120  # seconds until a server listens on a busy machine
# Azurite's own account; its documentation prints the key.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Bucket:
    """A bucket, or a container, of a running store."""

    address: str
    system: Any

    def names(self) -> list[str]:
        """Return the names of all objects, below the bucket."""
        self.system.invalidate_cache()
        root = self.address.partition("://")[2]
        return sorted(name.removeprefix(f"{root}/") for name in self.system.find(root))

    def content(self, name: str) -> bytes:
        return bytes(self.system.cat_file(f"{self.address.partition('://')[2]}/{name}"))


@dataclass
class Store:
    """One kind of object store.

    Attributes:
        protocol: As an address begins.
        program: The server, below `.venv-image`.
        arguments: With {port}.
        variables: The driver's own, with {port}.
        without: What takes its credentials away, as its driver's variables.
    """

    protocol: str
    program: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    without: Mapping[str, str]
    port: int = field(default=0)

    def missing(self) -> str:
        """Return why it cannot run here, or nothing."""
        if (IMAGE / self.program).exists():
            return ""
        needs = " (it needs npm)" if "node_modules" in self.program else ""
        return f"{self.program.rpartition('/')[2]} is not installed: make clouds-test installs it{needs}"

    def environment(self) -> dict[str, str]:
        return {name: value.format(port=self.port) for name, value in self.variables.items()}

    @contextmanager
    def running(self, folder: Path) -> Iterator[None]:
        self.port = _free_port()
        command = [str(IMAGE / self.program), *(one.format(port=self.port) for one in self.arguments)]
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            _wait_for(self.port, server, folder / "server.log")
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=30)

    def bucket(self, name: str) -> Bucket:
        system = fsspec.filesystem(self.protocol, use_listings_cache=False)
        system.mkdir(name)
        return Bucket(f"{self.protocol}://{name}", system)

    def forget(self) -> None:
        """Drivers keep their instances, and the variables that they were made with."""
        with_driver: Any = fsspec.get_filesystem_class(self.protocol)
        with_driver.clear_instance_cache()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"The server does not listen: {log.read_text()[-2000:]}")


STORES = {
    "s3": Store(
        "s3",
        "s3-server/bin/moto_server",
        ("-H", "127.0.0.1", "-p", "{port}"),
        {
            "AWS_ACCESS_KEY_ID": "for-the-test",
            "AWS_SECRET_ACCESS_KEY": "for-the-test-only",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:{port}",
        },
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    ),
    "abfs": Store(
        "abfs",
        "azurite/node_modules/.bin/azurite-blob",
        # Microsoft's SDK speaks a newer version of the protocol than its emulator knows the name of.
        ("--silent", "--disableTelemetry", "--inMemoryPersistence", "--skipApiVersionCheck",
         "--blobPort", "{port}"),
        {
            "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;"
            f"AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{{port}}/{AZURITE_ACCOUNT};"
        },
        {"AZURE_STORAGE_CONNECTION_STRING": ""},
    ),
    "gs": Store(
        "gs",
        "gcs-server/bin/gcp-storage-emulator",
        ("start", "-q", "-M", "-H", "127.0.0.1", "--port", "{port}"),
        {
            "STORAGE_EMULATOR_HOST": "http://127.0.0.1:{port}",
            # The driver would ask over gRPC which kind of bucket it is, and wait a minute for an emulator.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        },
        {},
    ),
}  # fmt: skip
