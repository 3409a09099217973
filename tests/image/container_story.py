"""What test_containers.py starts: two hosts of one installation, and what its tasks did."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path

from customer_health_airflow.dag_names import WAREHOUSE_POOL
from customer_health_airflow.local.rest import Airflow
from tests.image.containers import Containers

PROJECT, ELSEWHERE = "customer-health-image-test", "customer-health-image-test-elsewhere"
PORT = 18081
TAG = "image-test"
SECRETS = ("POSTGRES_PASSWORD", "LEDGER_PASSWORD", "REDIS_PASSWORD", "ADMIN_PASSWORD", "API_SECRET_KEY")
# Only a wait is shortened: a dead worker is given up after 300 s.
FASTER = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}
# The other host reaches the first one by its network, and has a small disk.
OUTSIDE = {
    "QUEUES": "default",
    "POSTGRES_HOST": f"{PROJECT}-postgres-1",
    "REDIS_HOST": f"{PROJECT}-redis-1",
    "API_SERVER": f"http://{PROJECT}-airflow-apiserver-1:8080",
}
SMALL = {"type": "tmpfs", "device": "tmpfs", "o": "size=260m,uid=50000"}
OUTSIDE_OVERRIDE = {
    "networks": {"default": {"name": f"{PROJECT}_default", "external": True}},
    "volumes": {"data": {"driver": "local", "driver_opts": SMALL}},
}
TASKS = """
    SELECT t.dag_id, task_id, map_index, t.state, try_number, t.queue
    FROM task_instance t JOIN dag_run r USING (dag_id, run_id)
    WHERE partition_key = '{day}' AND t.state IS NOT NULL"""
RUNNING = """
    SELECT dag_id, task_id, map_index, state, try_number, queue FROM task_instance
    WHERE state = 'running' AND pool = '{pool}' AND task_id <> 'retain'
    AND start_date < now() - interval '2 seconds'"""
ONE = """
    SELECT t.state, try_number, run_id FROM task_instance t JOIN dag_run r USING (dag_id, run_id)
    WHERE partition_key = '{day}' AND dag_id = '{dag_id}' AND task_id = '{task_id}'"""


class Story:
    """What was started, and what happened to it.

    Args:
        folder: Holds company.yaml, and gets .env and override files.
    """

    def __init__(self, folder: Path) -> None:
        self.day = datetime.now(UTC).date()
        self.variables = {name: secrets.token_urlsafe(32) for name in SECRETS} | {
            "JWT_SECRET": secrets.token_urlsafe(64),
            "FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "BASE_URL": f"http://127.0.0.1:{PORT}",
            "PORT": str(PORT),
            "TAG": TAG,
            "COMPANY_FOLDER": str(folder),
            "CUSTOMER_HEALTH_CONFIG": "/company/company.yaml",
        }
        faster = {"services": {"airflow-scheduler": {"environment": FASTER}}}
        self.here = Containers(PROJECT, folder, self.variables, faster)
        self.elsewhere = Containers(ELSEWHERE, folder, self.variables | OUTSIDE, OUTSIDE_OVERRIDE)
        self.airflow = Airflow(f"http://127.0.0.1:{PORT}", self.variables["ADMIN_PASSWORD"])
        self.killed: list[str] = []
        self.tasks: list[list[str]] = []

    def running(self) -> bool:
        """Whether a task has had the warehouse open for two seconds; it is kept as the one to be killed."""
        found = self.here.rows(RUNNING.format(pool=WAREHOUSE_POOL))
        self.killed = found[0] if found else []
        return bool(found)

    def ended(self) -> bool:
        """Whether every task of today's chain has ended well; `tasks` then holds them."""
        self.tasks = self.here.rows(TASKS.format(day=self.day))
        failed = [task for task in self.tasks if task[3] in ("failed", "upstream_failed")]
        assert not failed, failed
        delivered = [task for task in self.tasks if task[0] == "deliver_effects"]
        return bool(delivered) and all(task[3] in ("success", "skipped") for task in self.tasks)

    def again(self, dag_id: str, task_id: str) -> None:
        """Clear a task of today and wait until it has run once more."""
        query = ONE.format(day=self.day, dag_id=dag_id, task_id=task_id)
        [[_, before, run]] = self.here.rows(query)
        body = {"dry_run": False, "task_ids": [task_id], "dag_run_id": run, "only_failed": False}
        self.airflow.call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

        def done() -> bool:
            [[state, tried, _]] = self.here.rows(query)
            assert state != "failed", "the cleared task failed"
            return state == "success" and int(tried) > int(before)

        self.here.until(f"{task_id} ran once more", done, within=600)

    def effects(self) -> dict[str, int]:
        """Return how many effects the ledger holds, by state."""
        found = self.here.rows("SELECT state, count(*) FROM outbox GROUP BY state", database="ledger")
        return {state: int(count) for state, count in found}
