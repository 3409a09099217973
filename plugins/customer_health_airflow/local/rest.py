"""A few calls of Airflow's public REST API, with the standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from customer_health_airflow.local.environment import USER


class AirflowApiError(RuntimeError):
    """Airflow answered, and refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Airflow:
    """The running Airflow, as seen through its REST API.

    Args:
        url: Its address.
        password: Of the one user that the local stack has.
    """

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self._password = password
        self._token = ""
        # Proxies are for the world outside; this never leaves the machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> Any:
        """Make one call and return its JSON.

        A 5xx or no answer is tried again for a while: SQLite has one writer at a time, and a busy
        machine is slow. Every call here may be repeated; runs have ids of our own.

        Raises:
            AirflowApiError: The answer was an error.
            OSError: There was no answer.
        """
        for pause in (0.5, 1, 2, 4, 8):
            try:
                return self._once(method, path, body, timeout)
            except AirflowApiError as error:
                if error.status < 500:
                    raise
            except OSError:
                pass
            time.sleep(pause)
        return self._once(method, path, body, timeout)

    def _once(self, method: str, path: str, body: Any, timeout: float) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if path.startswith("/api/") and not path.endswith("/monitor/health"):
            self._token = self._token or self._login()
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise AirflowApiError(error.code, f"{method} {path}: {error.code} {said}") from None
        return json.loads(text) if text else None

    def _login(self) -> str:
        token = self.call("POST", "/auth/token", {"username": USER, "password": self._password})
        return str(token["access_token"])

    def page(self, path: str, *, timeout: float = 60) -> str:
        """Return one of our pages as the signed-in user sees it.

        Raises:
            AirflowApiError: The answer was an error.
        """
        self._token = self._token or self._login()
        headers = {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise AirflowApiError(error.code, f"GET {path}: {error.code} {said}") from None

    def healthy(self) -> bool:
        """Whether every part reports that it lives."""
        try:
            parts = self._once("GET", "/api/v2/monitor/health", None, timeout=10)
        except (OSError, AirflowApiError, ValueError):
            return False
        wanted = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all((parts.get(name) or {}).get("status") == "healthy" for name in wanted)

    def warm_up(self) -> None:
        """Let the execution API build its routes before the first task needs them in a hurry."""
        self.call("GET", "/execution/health", timeout=60)

    def known_dags(self) -> set[str]:
        """Return the ids of the DAGs that have been parsed."""
        return {
            dag["dag_id"] for dag in self.call("GET", "/api/v2/dags?tags=customer-health&limit=100")["dags"]
        }

    def import_errors(self) -> list[str]:
        """Return what kept DAG files from being read."""
        found = self.call("GET", "/api/v2/importErrors?limit=20")["import_errors"]
        return [f"{error['filename']}:\n{error['stack_trace']}" for error in found]

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Create the pool unless it is there; a person may have changed its size."""
        pools = self.call("GET", "/api/v2/pools?limit=100")["pools"]
        if name not in {pool["name"] for pool in pools}:
            body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
            self.call("POST", "/api/v2/pools", body)

    def set_connection(self, name: str, kind: str, extra: Mapping[str, str]) -> None:
        """Create a connection whose values stand in its extra; one that is there is replaced."""
        body = {"connection_id": name, "conn_type": kind, "extra": json.dumps(dict(extra))}
        try:
            self.call("POST", "/api/v2/connections", body)
        except AirflowApiError as error:
            if error.status != 409:
                raise
            self.call("PATCH", f"/api/v2/connections/{name}", body)

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Let the scheduler start runs of this DAG, or not."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, key: str, *, run_id: str, note: str) -> None:
        """Start a run for one partition key; no form of the command line can do that."""
        body: dict[str, Any] = {"dag_run_id": run_id, "logical_date": None, "partition_key": key}
        body |= {"note": note, "conf": {}}
        try:
            self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
        except AirflowApiError as error:
            if error.status != 409:  # an earlier try was answered with an error and had worked all the same
                raise

    def runs(self, *, since: str | None = None, states: list[str] | None = None) -> list[dict[str, Any]]:
        """Return DAG runs, oldest first."""
        body: dict[str, Any] = {"page_limit": 100, "order_by": "run_after"}
        if since:
            body["run_after_gte"] = since
        if states:
            body["states"] = states
        return list(self.call("POST", "/api/v2/dags/~/dagRuns/list", body)["dag_runs"])

    def tasks(self, run_ids: list[str]) -> list[dict[str, Any]]:
        """Return the task instances of some runs."""
        body = {"dag_run_ids": run_ids, "page_limit": 300}
        return list(self.call("POST", "/api/v2/dags/~/dagRuns/~/taskInstances/list", body)["task_instances"])

    def give_up(self, dag_id: str, run_id: str) -> None:
        """Mark a run that nobody works on any more as failed, so that it blocks no new one."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", {"state": "failed"})
