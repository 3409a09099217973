"""The night with Airflow's own time in it: docker-compose.yaml's services as processes, one worker, then two.

    PYTHONPATH=include:plugins python -m benchmarks.airflow_night --accounts 1000 --folder F

Needs the environment of `make image-test`. The company is that of `benchmarks.daily_chain` (the same --folder
is gone on with, and its steps are printed beside Airflow's): a back-up of its home is restored into the
volume and the ledger in PostgreSQL, as a move of a real installation would be. Then Airflow lives the nights
that follow: with one Celery worker, which has the volume (the first such night compiles kernels), and with a
second one for the queue `default` alone (docs/production.md, Past one machine). Every moment is read from
Airflow's database. What is measured is a day that is asked for: before that, all services are up and idle.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
from benchmarks.daily_chain import MEASURED, Company, measure, prepare, stores
from benchmarks.service_usage import Usage
from benchmarks.task_waits import NightTime, beside_the_steps, by_task, has_ended, night_time, tasks_of
from sqlalchemy import create_engine, text
from tests.image.machine import VENV, Machine, tail

from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health_airflow.dag_names import DAY_CHAIN
from customer_health_airflow.local.rest import Airflow

PARTS = ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
LAST = "deliver_effects"
INSIDE, OUTSIDE = "worker-1", "worker-2"
_SIZES = text("""
    SELECT datname, pg_database_size(datname) FROM pg_database WHERE datname IN ('airflow', 'ledger')
""")


@dataclass(frozen=True)
class Night:
    """One night as it was lived.

    Attributes:
        day: Its as-of date.
        workers: How many Celery workers served it.
        tasks: What `tasks_of` returned.
        time: Where it went.
        usage: Of each service, from the trigger to the end.
        load: One-minute averages of the machine before and after.
        bytes: Of Airflow's database and the ledger, before and after.
    """

    day: date
    workers: int
    tasks: pd.DataFrame
    time: NightTime
    usage: Usage
    load: tuple[float, float]
    bytes: dict[str, tuple[int, int]]


class Volume(Company):
    """The company in the volume of the worker that has the warehouse."""

    @property
    def home(self) -> Path:
        return self.folder / "data"


class Installation:
    """All services of the compose file, with a company in them.

    Args:
        folder: Does not exist yet.
        company: What `benchmarks.daily_chain` prepared.
    """

    def __init__(self, folder: Path, company: Company) -> None:
        folder.mkdir(mode=0o755)
        (folder / "company").mkdir()
        shutil.copy2(company.folder / "company.yaml", folder / "company" / "company.yaml")
        names = ("POSTGRES_PASSWORD", "LEDGER_PASSWORD", "REDIS_PASSWORD", "ADMIN_PASSWORD", "API_SECRET_KEY")
        variables = {
            **{name: secrets.token_urlsafe(48) for name in names},
            "JWT_SECRET": secrets.token_urlsafe(96),
            "FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "BASE_URL": "http://127.0.0.1",
            "CUSTOMER_HEALTH_CONFIG": "/company/company.yaml",
            "START_PAUSED": "True",
        }
        self.last = scores.latest_day(open_ledger(f"sqlite:///{company.home}/ledger.db"))
        assert self.last is not None, "the prepared company has scores"
        # A day that counts as today: nothing starts by the calendar, and that day's effects are promised.
        self.machine = Machine(folder, variables, {"CUSTOMER_HEALTH_TODAY": self.last.isoformat()})
        self.volume = Volume(folder, company.accounts)
        self.airflow = Airflow(self.machine.url, variables["ADMIN_PASSWORD"])
        worker = self.machine.environment(self.machine.services["airflow-worker"], INSIDE)
        self.metadata = create_engine(worker["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

    def start(self, backup: Path) -> None:
        """Bring everything up but the workers, with the company in it."""
        machine = self.machine
        machine.start_stores()
        machine.run("airflow-init", timeout=180)
        began = time.perf_counter()
        machine.command("restore", str(backup), timeout=3600)
        print(f"restored into PostgreSQL and the volume in {time.perf_counter() - began:.0f} s", flush=True)
        machine.start("airflow-apiserver")
        for part in PARTS:
            machine.start(part)
        machine.until("all parts are healthy", self.airflow.healthy, within=300)
        self.airflow.warm_up()
        machine.until("all DAGs are known", lambda: self.airflow.known_dags() >= set(DAY_CHAIN), within=120)
        for dag in DAY_CHAIN:
            self.airflow.pause(dag, paused=False)

    def live(self, workers: int, *, within: float) -> Night:
        """Live the next night with so many workers, and return when its last effect is out."""
        assert self.last is not None
        day = self.last + timedelta(days=1)
        key = day.isoformat()
        self.volume.live_until(day)
        self._work(workers, day)
        before, load = self._databases(), os.getloadavg()[0]
        with Usage(lambda: {name: one.pid for name, one in self.machine.processes.items()}) as usage:
            self.airflow.trigger(DAY_CHAIN[0], key, run_id=f"night__{key}", note="benchmarks.airflow_night")
            self.machine.until(f"the night of {key} has ended", lambda: self._ended(key), within=within)
        tasks, after, self.last = self._tasks(key), self._databases(), day
        sizes = {name: (before[name], after[name]) for name in after}
        return Night(day, workers, tasks, night_time(tasks), usage, (load, os.getloadavg()[0]), sizes)

    def _work(self, workers: int, day: date) -> None:
        """Replace the workers, which hand the day that counts as today on to their tasks."""
        machine = self.machine
        for name in (INSIDE, OUTSIDE):
            if name in machine.processes:
                machine.kill(name)
        machine.faster["CUSTOMER_HEALTH_TODAY"] = day.isoformat()
        for name in (INSIDE, OUTSIDE):
            (machine.folder / f"{name}.log").unlink(missing_ok=True)
        machine.start("airflow-worker", copy=INSIDE)
        if workers > 1:
            machine.start("airflow-worker", copy=OUTSIDE, data="other", QUEUES="default")
        for name in (INSIDE, OUTSIDE)[:workers]:
            # Its own word: asking it, as the health check does, starts one more Airflow beside it.
            machine.until(f"{name} is ready", partial(self._says_ready, name), within=300)

    def _says_ready(self, worker: str) -> bool:
        log = self.machine.folder / f"{worker}.log"
        return f"celery@{worker} ready" in log.read_text(errors="replace")

    def _ended(self, key: str) -> bool:
        return has_ended(self._tasks(key), LAST)

    def _tasks(self, key: str) -> pd.DataFrame:
        with self.metadata.connect() as connection:
            return tasks_of(connection, key)

    def _databases(self) -> dict[str, int]:
        with self.metadata.connect() as connection:
            return {name: int(size) for name, size in connection.execute(_SIZES)}


def back_up(company: Company, target: Path) -> Path:
    """Back the prepared home up, and return the folder of the back-up."""
    day = scores.latest_day(open_ledger(f"sqlite:///{company.home}/ledger.db"))
    assert day is not None, "the prepared company has scores"
    command = [sys.executable, "-m", "customer_health", "back-up", str(target)]
    began = time.perf_counter()
    done = subprocess.run(command, env=company.environment(day), check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"back-up failed:\n{done.stdout}{done.stderr}")
    print(f"{done.stdout.strip()}\nbacked up in {time.perf_counter() - began:.0f} s", flush=True)
    return next(target.iterdir())


def report(night: Night, measured: pd.DataFrame) -> None:
    """Print where one night's time and memory went.

    Args:
        night: As it was lived.
        measured: What `benchmarks.daily_chain` measured of the same steps.
    """
    spent, services = night.time, night.usage.table()
    print(f"\nThe night of {night.day}, {night.workers} worker{'s' if night.workers > 1 else ''}")
    tasks = by_task(night.tasks)
    print(tasks.round(1).to_string(index=False))
    walls = dict(zip(measured["step"], measured["wall_s"], strict=True))
    print(beside_the_steps(tasks, walls).round(1).to_string(index=False))
    alone = float(measured["wall_s"].sum())
    print(
        f"whole {spent.whole:.0f} s: in {spent.steps:.0f} s a step's task ran, in "
        f"{spent.tasks - spent.steps:.0f} s only others did, in {spent.between:.0f} s none did"
    )
    workers = services[services["service"].isin([INSIDE, OUTSIDE])]["cpu_s"].sum()
    bare = measured["cpu_s"].sum()
    print(
        f"so {1 - spent.steps / spent.whole:.0%} of the night was Airflow's alone; "
        f"the steps as bare processes: {alone:.0f} s at the load of that run"
    )
    print(f"CPU of the workers: {workers:.0f} s, {workers / bare:.2f} of the bare steps' {bare:.0f} s")
    print(services.round(0).to_string(index=False))
    peak = night.usage.peak_of_all
    print(f"CPU of all: {services['cpu_s'].sum():.0f} s; peak of all together: {peak:,.0f} MB")
    sizes = (f"{name} {old / 1e6:.1f} -> {new / 1e6:.1f}" for name, (old, new) in night.bytes.items())
    print(f"databases, MB: {', '.join(sizes)}")
    print(f"load: {night.load[0]:.1f} before, {night.load[1]:.1f} after, {os.cpu_count()} cores", flush=True)


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--trained-on", type=int, default=2_000, help="accounts of the company that trains")
    parser.add_argument(
        "--folder", type=Path, help="of benchmarks.daily_chain; it goes on from what is there"
    )
    parser.add_argument(
        "--workers", default="1,1,2", help="of each night in turn; the first compiles kernels"
    )
    parser.add_argument("--minutes", type=float, default=60, help="a night may take")
    options = parser.parse_args(arguments)
    try:
        options.workers = [int(number) for number in options.workers.split(",")]
    except ValueError:
        parser.error(f"--workers {options.workers}: not numbers with commas between them")
    if not set(options.workers) <= {1, 2}:
        parser.error("--workers: one or two of them; a third would serve what the second serves")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare, bring Airflow up, live the nights, print."""
    options = options_of(arguments)
    if not (VENV / "bin" / "airflow").exists():
        raise SystemExit("The image's environment is not installed: make image-test installs it.")
    scratch = Path(tempfile.mkdtemp(prefix="airflow-night-", dir=options.folder))
    for above in (scratch, *scratch.parents[:1]):
        above.chmod(0o755)  # PostgreSQL runs as another user
    company = prepare(options.folder or scratch, options.accounts, options.trained_on)
    kept = company.folder / MEASURED
    measured = pd.read_csv(kept) if kept.exists() else measure(company)
    installation = Installation(scratch / "installation", company)
    try:
        installation.start(back_up(company, scratch / "back-up"))
        shutil.rmtree(scratch / "back-up")
        nights = []
        for workers in options.workers:
            nights.append(installation.live(workers, within=options.minutes * 60))
            report(nights[-1], measured)
        print(f"\nvolume, MB: {stores(installation.volume.home)}")
        by_workers = {night.workers: night.time for night in nights}
        if len(by_workers) == 2:
            print(f"two workers / one: {by_workers[2].whole / by_workers[1].whole:.2f} of the night")
    except BaseException:
        for log in sorted(installation.machine.folder.glob("*.log")):
            print(f"── {log.name}\n{tail(log)}")
        raise
    finally:
        installation.machine.stop()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
