"""What docker-compose.yaml promises, with the packages of the image's lock, on a real PostgreSQL and Redis.

One story, because starting it is most of the price: everything comes up, the chain begins by itself, a worker
is killed in the middle of a task and comes back, the chain ends well. One worker has the volume with the
warehouse; the other one stands for another host, which has an empty disk and serves the queue `default` only.
The server of the page has an empty disk, too: models, reports and previews lie in an object store (moto
speaks S3, and the image's own driver asks it).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from sqlalchemy import create_engine, text

from customer_health_airflow.dag_names import POOLS, WAREHOUSE_POOL
from customer_health_airflow.local.rest import Airflow
from tests.image import stores
from tests.image.machine import Machine, tail
from tests.lib.airflow_env import DAGS

CHAIN = ("ingest_sources", "build_signals", "score_accounts", "run_playbooks", "deliver_effects")
BUCKET = "customer-health-test"
INSIDE, OUTSIDE = "worker-1", "worker-2"
PARTS = ("airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
# Only waits are shortened: a dead worker is given up after 300 s, a task is tried again after its own delay.
FASTER = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


def secret() -> str:
    return secrets.token_urlsafe(48)


class Story:
    """What happened, and the Airflow that it happened in."""

    def __init__(self, machine: Machine, password: str) -> None:
        self.machine = machine
        self.airflow = Airflow(machine.url, password)
        self.image_before = listing(machine.image)
        self.killed: dict[str, Any] = {}
        self.tasks: list[dict[str, Any]] = []

    def of_today(self) -> list[dict[str, Any]]:
        key = datetime.now(UTC).date().isoformat()
        runs = [run for run in self.airflow.runs() if run["partition_key"] == key]
        return self.airflow.tasks([run["dag_run_id"] for run in runs]) if runs else []

    def running(self) -> dict[str, Any] | None:
        """Return a task that has had the warehouse open for a moment, and whose process lives."""
        for task in self.of_today():
            pid, inside = task["pid"], task["pool"] == WAREHOUSE_POOL
            if inside and task["state"] == "running" and pid and psutil.pid_exists(pid):
                began = datetime.fromisoformat(task["start_date"])
                if (datetime.now(UTC) - began).total_seconds() > 1.5:
                    return task
        return None

    def ended(self) -> bool:
        self.tasks = self.of_today()
        failed = [task for task in self.tasks if task["state"] in ("failed", "upstream_failed")]
        assert not failed, [(task["dag_id"], task["task_id"], task["try_number"]) for task in failed]
        delivered = [task for task in self.tasks if task["dag_id"] == "deliver_effects"]
        return bool(delivered) and all(task["state"] in ("success", "skipped") for task in self.tasks)


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Bring everything up, let the chain run, kill a worker in it."""
    if stores.redis_server() is None:
        pytest.skip("no redis-server: apt-get install redis-server, or make image-test, which unpacks one")
    folder = Path(tempfile.mkdtemp(prefix="customer-health-image-"))
    folder.chmod(0o755)
    (folder / "company").mkdir()
    company = {"name": "Small Ltd", "simulator": {"accounts": 150}}
    (folder / "company" / "company.yaml").write_text(yaml.safe_dump(company))
    names = ("POSTGRES_PASSWORD", "LEDGER_PASSWORD", "REDIS_PASSWORD", "ADMIN_PASSWORD", "API_SECRET_KEY")
    variables = {
        **{name: secret() for name in names},
        "JWT_SECRET": secret() + secret(),
        "FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "BASE_URL": "http://127.0.0.1",
        "CUSTOMER_HEALTH_CONFIG": "/company/company.yaml",
        "STORAGE": f"s3://{BUCKET}/health",
    }
    machine = Machine(folder, variables, FASTER)
    try:
        story = Story(machine, variables["ADMIN_PASSWORD"])
        machine.start_stores()
        machine.run("airflow-init", timeout=180)
        asked(f"{machine.store}/{BUCKET}", method="PUT")
        machine.start("airflow-apiserver", data="page")
        for part in PARTS[1:]:
            machine.start(part)
        machine.until("all parts are healthy", story.airflow.healthy, within=180)
        story.airflow.warm_up()
        machine.start("airflow-worker", copy=INSIDE)  # after a healthy API server, as depends_on has it
        machine.start("airflow-worker", copy=OUTSIDE, data="other", QUEUES="default")
        _kill_the_worker_that_has_the_warehouse(story)
        machine.until("the chain has ended", story.ended, within=480)
        yield story
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"── {log.name}\n{tail(log)}")
        raise
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _kill_the_worker_that_has_the_warehouse(story: Story) -> None:
    machine = story.machine
    machine.until("a worker is at a task", lambda: story.running() is not None, within=180)
    task = story.running()
    assert task is not None
    assert os.getsid(task["pid"]) == machine.processes[INSIDE].pid
    machine.kill(INSIDE)
    story.killed = task
    assert machine.services["airflow-worker"].restart == "unless-stopped"
    machine.start("airflow-worker", copy=INSIDE)


def asked(url: str, method: str = "GET") -> str:
    """Ask the object store over HTTP, as no driver of ours does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, method=method), timeout=30) as answer:
        return str(answer.read().decode())


def stored(story: Story) -> list[str]:
    """Return the key of every object, page by page."""
    keys, token = list[str](), ""
    for _ in range(1_000):  # pages; nothing here has as many
        listing = asked(f"{story.machine.store}/{BUCKET}?list-type=2{token}")
        keys += re.findall("<Key>([^<]+)</Key>", listing)
        more = re.search("<NextContinuationToken>([^<]+)<", listing)
        if more is None:
            return keys
        token = f"&continuation-token={more[1]}"
    raise AssertionError("The store's listing does not end.")


def name_of(task: dict[str, Any]) -> tuple[str, str, int]:
    return task["dag_id"], task["task_id"], task["map_index"]


def listing(folder: Path) -> dict[Path, int]:
    """Every file of the image's folder with its size, but the logs, which are a volume."""
    files = (path for path in folder.rglob("*") if path.is_file() and folder / "logs" not in path.parents)
    return {path: path.stat().st_size for path in files}


def test_the_chain_began_by_itself_and_ended(story: Story) -> None:
    done = {task["dag_id"] for task in story.tasks if task["state"] == "success"}
    assert set(CHAIN) <= done


def test_the_task_whose_worker_was_killed_was_done_by_a_second_try(story: Story) -> None:
    tries = {name_of(task): (task["state"], task["try_number"]) for task in story.tasks}
    assert tries.pop(name_of(story.killed)) == ("success", story.killed["try_number"] + 1)
    assert {number for state, number in tries.values() if state == "success"} == {1}


def test_the_ledger_in_postgres_has_the_scores_and_every_effect_was_delivered_once(story: Story) -> None:
    url = story.machine.environment(story.machine.services["airflow-worker"], "x")[
        "CUSTOMER_HEALTH_LEDGER_URL"
    ]
    with create_engine(url).connect() as connection:
        scores = connection.execute(text("SELECT count(*), count(DISTINCT account_id) FROM scores")).one()
        states = dict(connection.execute(text("SELECT state, count(*) FROM outbox GROUP BY state")).all())
    assert scores[0] == scores[1] > 100
    assert states["delivered"] > 10
    assert set(states) <= {"delivered", "awaiting_approval", "pending"}  # pending: not before a later hour
    previews = {key.rpartition(".")[0] for key in stored(story) if key.startswith("health/preview/")}
    assert len(previews) >= states["delivered"] / 2


def test_the_other_host_did_what_needs_no_warehouse_and_nothing_else(story: Story) -> None:
    """A pool makes tasks take turns; only the queue brings them to the machine that has the files."""
    there = {path.name for path in (story.machine.folder / "data").iterdir()}
    assert {"warehouse.duckdb", "state"} <= there
    for empty in (story.machine.folder / "other", story.machine.folder / "page"):
        assert {path.name for path in empty.iterdir()} <= {"numba"} if empty.exists() else True
    done = (story.machine.folder / f"{OUTSIDE}.log").read_text(errors="replace")
    assert "succeeded in" in done, "the other worker had nothing to do"
    queues = {task["task_id"]: task["queue"] for task in story.tasks if task["dag_id"] in CHAIN}
    assert {queues[name] for name in ("load", "check_quality", "build", "score", "decide")} == {"warehouse"}
    assert {queue for name, queue in queues.items() if name.startswith("deliver.")} == {"default"}


def test_models_reports_and_previews_lie_in_the_object_store_and_nowhere_else(story: Story) -> None:
    keys = stored(story)
    for start, end in (("models/", "/champion.json"), ("reports/", "/gate.html"), ("preview/", ".json")):
        assert [key for key in keys if key.startswith(f"health/{start}") and key.endswith(end)], start
    home = story.machine.folder / "data"
    assert not (home / "reports").exists()
    assert not (home / "preview").exists()
    assert [path.name for path in (home / "models").iterdir()] == [".folds"]  # working copies of a training


def test_a_page_server_without_the_volume_shows_them(story: Story) -> None:
    key = next(key for key in stored(story) if key.endswith("/gate.html"))
    page = story.airflow.page(f"/customer-health/files/{key.removeprefix('health/')}")
    assert "quarantine" in page.lower()
    assert "gate.html" in story.airflow.page("/customer-health/reports")


def test_the_doctor_of_the_image_finds_that_it_may_write_there(story: Story) -> None:
    """And a back-up goes there, and a model whose bytes were changed is not opened."""
    machine = story.machine
    assert "can be written, listed and read" in machine.command("doctor", expected=None)
    said = machine.command("back-up", f"s3://{BUCKET}/back-ups")
    assert "rows of the ledger" in said
    kept = {key.split("/", 2)[2] for key in stored(story) if key.startswith("back-ups/")}
    assert {"manifest.json", "warehouse.duckdb"} <= kept
    models = {key for key in stored(story) if key.startswith("health/models/")}
    assert {key.removeprefix("health/") for key in models} <= kept


@pytest.mark.parametrize("service", [*PARTS, "postgres", "redis"])
def test_a_service_passes_the_health_check_of_the_compose_file(story: Story, service: str) -> None:
    assert story.machine.is_well(service)


def test_both_workers_answer_their_health_check_and_one_that_is_gone_does_not(story: Story) -> None:
    for worker in (INSIDE, OUTSIDE):
        assert story.machine.is_well("airflow-worker", copy=worker)
    assert not story.machine.is_well("airflow-worker", copy="worker-3")


def test_every_dag_was_switched_on_at_its_birth(story: Story) -> None:
    dags = story.airflow.call("GET", "/api/v2/dags?limit=100")["dags"]
    assert {dag["dag_id"]: dag["is_paused"] for dag in dags} == dict.fromkeys(
        (path.stem for path in DAGS.glob("*.py")), False
    )


def test_another_start_keeps_the_sizes_that_an_operator_gave_the_pools(story: Story) -> None:
    larger = {"pool": "warehouse", "slots": 3, "description": "", "include_deferred": False}
    story.airflow.call("PATCH", "/api/v2/pools/warehouse", larger)
    output = story.machine.run("airflow-init", timeout=180)
    assert "none, all were there" in output
    pools = {
        pool["name"]: pool["slots"] for pool in story.airflow.call("GET", "/api/v2/pools?limit=100")["pools"]
    }
    assert pools["warehouse"] == 3
    assert set(POOLS) <= set(pools)


def test_the_clean_up_goes_through_and_takes_nothing_young(story: Story) -> None:
    before = len(story.airflow.runs())
    story.machine.run("airflow-cleanup", timeout=120, ONCE="1")
    assert (story.machine.image / "logs" / "cleanup.alive").exists()
    assert len(story.airflow.runs()) == before


def test_nothing_was_written_where_a_container_is_read_only(story: Story) -> None:
    """Everything that changes is in /data, /tmp or the logs; so `read_only` may stand in the file."""
    assert listing(story.machine.image) == story.image_before


def test_after_postgres_was_stopped_and_started_everything_works_again(story: Story) -> None:
    """The runbook, followed to the letter: the last test, because it breaks the others' world."""
    machine = story.machine

    machine.stop_postgres()
    stopped = time.monotonic()
    machine.until("services have noticed", lambda: time.monotonic() > stopped + 40, within=60, revive=True)
    assert not story.airflow.healthy()
    machine.start_postgres_again()
    machine.until("all parts are healthy again", story.airflow.healthy, within=240, revive=True)

    scored = next(task for task in story.tasks if task["task_id"] == "score")
    again = {
        "dry_run": False,
        "task_ids": ["score"],
        "dag_run_id": scored["dag_run_id"],
        "only_failed": False,
    }
    story.airflow.call("POST", "/api/v2/dags/score_accounts/clearTaskInstances", again)
    where = f"/api/v2/dags/score_accounts/dagRuns/{scored['dag_run_id']}/taskInstances/score"

    def done() -> bool:
        task = story.airflow.call("GET", where)
        assert task["state"] != "failed", "the cleared task failed"
        return bool(task["state"] == "success" and task["try_number"] > scored["try_number"])

    machine.until("a cleared task has run", done, within=300, revive=True)
