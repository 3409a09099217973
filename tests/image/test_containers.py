"""The image itself: built, and brought up by compose, where a container engine is available."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import pytest

from customer_health_airflow.local.rest import Airflow
from tests.lib.airflow_env import ROOT

PROJECT = "customer-health-image-test"
PORT = 18080


def _engine() -> bool:
    return bool(shutil.which("docker")) and not any(
        subprocess.run(["docker", *words], capture_output=True, timeout=30, check=False).returncode
        for words in (["info"], ["compose", "version"])
    )


pytestmark = pytest.mark.skipif(
    not _engine(), reason="no container engine; test_processes.py runs the same files"
)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Build the image, bring everything up with two workers, take everything down again, volumes too."""
    folder = tmp_path_factory.mktemp("company")
    os.chmod(folder, 0o755)
    (folder / "company.yaml").write_text("name: Small Ltd\nsimulator: {accounts: 150}\n")
    names = ("POSTGRES_PASSWORD", "LEDGER_PASSWORD", "REDIS_PASSWORD", "ADMIN_PASSWORD", "API_SECRET_KEY")
    variables = {name: secrets.token_urlsafe(32) for name in names} | {
        "JWT_SECRET": secrets.token_urlsafe(64),
        "FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "BASE_URL": f"http://127.0.0.1:{PORT}",
        "PORT": str(PORT),
        "TAG": "image-test",
        "COMPANY_FOLDER": str(folder),
        "CUSTOMER_HEALTH_CONFIG": "/company/company.yaml",
    }
    environment = folder / "test.env"
    environment.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    compose = ["docker", "compose", "--project-name", PROJECT, "--env-file", str(environment)]

    def run(*words: str, timeout: float) -> None:
        subprocess.run([*compose, *words], cwd=ROOT, timeout=timeout, check=True)

    try:
        run("build", timeout=1800)
        run("up", "--detach", "--wait", "--wait-timeout", "600", "--scale", "airflow-worker=2", timeout=700)
        yield Airflow(f"http://127.0.0.1:{PORT}", variables["ADMIN_PASSWORD"])
    finally:
        run("down", "--volumes", "--timeout", "20", timeout=180)


def test_the_chain_of_today_ends_in_containers(airflow: Airflow) -> None:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline:
        states = {run["dag_id"]: run["state"] for run in airflow.runs() if run["partition_key"]}
        assert "failed" not in states.values(), states
        if states.get("deliver_effects") == "success":
            return
        time.sleep(3)
    pytest.fail(f"the chain did not end within 15 minutes: {states}")


def test_every_container_is_healthy_and_none_restarted(airflow: Airflow) -> None:
    listed = subprocess.run(
        ["docker", "ps", "--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet"],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    ids = listed.stdout.split()
    found = subprocess.run(
        ["docker", "inspect", *ids], capture_output=True, text=True, check=True, timeout=30
    )
    for container in json.loads(found.stdout):
        assert container["State"]["Health"]["Status"] == "healthy", container["Name"]
        assert container["RestartCount"] == 0, container["Name"]
