"""Start and stop the local Airflow: `python -m customer_health_airflow.local.stack up|down|status`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from customer_health_airflow.dag_names import POOLS
from customer_health_airflow.local import processes
from customer_health_airflow.local.chain import DAGS, TICKING
from customer_health_airflow.local.company_data import Company
from customer_health_airflow.local.environment import (
    HOME,
    MARK,
    USER,
    Ports,
    airflow_environment,
    credentials,
    free_ports,
)
from customer_health_airflow.local.past_weeks import PastWeeks
from customer_health_airflow.local.rest import Airflow, AirflowApiError

READY_WITHIN = 240.0


class Stack:
    """One local Airflow: a database, four processes, every DAG.

    Args:
        say: Prints one line of progress.
        home: AIRFLOW_HOME.
    """

    def __init__(self, say: Callable[[str], None], home: Path = HOME) -> None:
        self._say = say
        self.home = home
        self.logs = home / "logs"
        self.stack_id = uuid.uuid4().hex
        self.ports: Ports | None = None
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._beside: PastWeeks | None = None

    @property
    def airflow(self) -> Airflow:
        """The REST client of the running Airflow."""
        assert self.ports is not None
        return Airflow(self.ports.url, credentials(self.home)["password"])

    def start(
        self,
        company: Mapping[str, str],
        *,
        drop_unfinished: bool = False,
        ticking: bool = False,
        resting: Collection[str] = (),
    ) -> None:
        """Start everything and return when Airflow is healthy and knows every DAG.

        Args:
            company: CUSTOMER_HEALTH_* variables that the tasks and the page shall see.
            drop_unfinished: Mark runs that an earlier stack left unfinished as failed instead of letting
                Airflow resume them: each DAG runs one day at a time, and they would come first.
            ticking: Let the hourly DAGs run as well.
            resting: DAGs that stay paused.

        Raises:
            PartDiedError: A part did not come up; the message carries the end of its output.
        """
        began = datetime.now(UTC).isoformat()
        leftover = running(self.home)
        if leftover and processes.stop(leftover["stack_id"]):
            self._say("Stopped an Airflow that was still running in this checkout.")
        self.ports = free_ports()
        self.logs.mkdir(parents=True, exist_ok=True)
        environment = airflow_environment(
            self.ports, stack_id=self.stack_id, home=self.home, outer=_outer(company)
        )
        state = {"stack_id": self.stack_id, "url": self.ports.url}
        (self.home / "stack.json").write_text(json.dumps(state), encoding="utf-8")
        self._migrate(environment)
        for part in processes.PARTS:
            self._parts[part] = processes.start(part, environment, self._log(part))
        self._until("Airflow's parts report that they live", self.airflow.healthy)
        self.airflow.warm_up()
        self._until("the DAGs are read", lambda: self.airflow.known_dags() >= {*DAGS, *TICKING})
        for pool, why in POOLS.items():
            self.airflow.ensure_pool(pool, 1, why)
        if drop_unfinished:
            for run in self.airflow.runs(states=["running", "queued"]):
                if (run["queued_at"] or "") < began:
                    self.airflow.give_up(run["dag_id"], run["dag_run_id"])
        for dag_id in reversed(DAGS):  # who listens first; the head, which may start at once, last
            self.airflow.pause(dag_id, paused=dag_id in resting)
        for dag_id in TICKING:
            self.airflow.pause(dag_id, paused=not ticking)

    def beside(self, company: Mapping[str, str], start: Callable[[dict[str, str]], PastWeeks]) -> PastWeeks:
        """Start a process of our own that ends with the stack at the latest."""
        self._beside = start({**_outer(company), MARK: self.stack_id})
        return self._beside

    def check(self) -> None:
        """Raise PartDiedError if a part has ended on its own."""
        for part, process in self._parts.items():
            if process.poll() is not None:
                log = self._log(part)
                raise processes.PartDiedError(
                    f"Airflow's {part} ended with code {process.returncode}:\n{processes.tail(log)}\n"
                    f"  -> the whole output: {log}"
                )

    def stop(self) -> None:
        """End every process, whatever state it is in."""
        # Our own children as well by their sessions; a stranger cannot have got those numbers meanwhile.
        ours = [process.pid for process in self._parts.values()]
        processes.stop(self.stack_id, [*ours, self._beside.session] if self._beside else ours)
        for process in self._parts.values():
            process.wait(timeout=10)
        if self._parts:
            (self.home / "stack.json").unlink(missing_ok=True)

    def _log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def _migrate(self, environment: Mapping[str, str]) -> None:
        """Create or upgrade Airflow's own database; skipped when this version already did."""
        from importlib.metadata import version

        marker = self.home / "migrated"
        wanted = version("apache-airflow")
        if marker.exists() and marker.read_text() == wanted and (self.home / "airflow.db").exists():
            return
        self._say(f"Creating the database of Airflow {wanted} in {self.home.name}/")
        processes.run_once(["db", "migrate"], environment, self._log("db-migrate"))
        marker.write_text(wanted)

    def _until(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            self.check()
            try:
                if ready():
                    return
            except (OSError, AirflowApiError):
                pass
            if time.monotonic() > deadline:
                errors = "\n".join(self._import_errors())
                raise processes.PartDiedError(f"Waited {READY_WITHIN:.0f} s until {what}.\n{errors}")
            time.sleep(0.5)

    def _import_errors(self) -> list[str]:
        try:
            return self.airflow.import_errors()
        except (OSError, AirflowApiError):
            return []


def _outer(company: Mapping[str, str]) -> dict[str, str]:
    """Our environment, with the settings of this company only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUSTOMER_HEALTH_")}
    return {**kept, **company}


def running(home: Path = HOME) -> dict[str, str] | None:
    """Return the address and id of the Airflow that runs in this checkout, if one does."""
    try:
        state = dict(json.loads((home / "stack.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return state if processes.of_stack(state["stack_id"]) else None


def up() -> int:
    """Start Airflow, print where it is, and leave it running."""
    state = running()
    if state is None:
        stack = Stack(print)
        try:
            stack.start(Company.last().environment(pretend=False), ticking=True)
        except BaseException as error:
            stack.stop()
            if isinstance(error, processes.PartDiedError):
                print(error, file=sys.stderr)
                return 1
            raise
        state = running() or {"url": ""}
    print(f"Airflow         {state['url']}\nHealth page     {state['url']}/customer-health/")
    print(f"Log in as       {USER} / {credentials()['password']}\nStop it with    make down")
    return 0


def down() -> int:
    """Stop the Airflow of this checkout."""
    state = running()
    count = processes.stop(state["stack_id"]) if state else 0
    (HOME / "stack.json").unlink(missing_ok=True)
    print(f"Stopped Airflow ({count} processes)." if count else "No Airflow is running in this checkout.")
    return 0


def status() -> int:
    """Say whether Airflow runs; exit code 3 when it does not."""
    state = running()
    print(f"Airflow runs at {state['url']}" if state else "No Airflow is running in this checkout.")
    return 0 if state else 3


def main(arguments: list[str]) -> int:
    """Dispatch the one word of the command line."""
    commands = {"up": up, "down": down, "status": status}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("Say one of: up, down, status", file=sys.stderr)
        return 2
    return commands[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
