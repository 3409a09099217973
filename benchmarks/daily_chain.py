"""What one night costs: every step of the chain as a process of its own, as Airflow runs them.

    PYTHONPATH=include python -m benchmarks.daily_chain --accounts 20000

A simulated company lives until the day before, is loaded, scored and acted upon; what is measured is the
next day. The model in use comes from a smaller company of the same kind: training has a benchmark of its
own. Printed beside each step is the time that an interpreter needs to start, and the whole beside the ten
minutes that a night may take.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

DAY = date(2026, 6, 16)
STEPS = ("ingest", "gate", "texts", "signals", "score", "playbooks", "deliver")
BUDGET_MINUTES = 10
MEASURED = "steps.csv"
"""Beside the home: what each step of the measured day cost."""
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Company:
    """A simulated company and what was made of it."""

    folder: Path
    accounts: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def live_until(self, day: date) -> None:
        """Write the files of every tool as far as they are known before a day; `ingest` then finds them."""
        # In a process of its own: a child's peak of memory begins with that of its parent.
        writer = multiprocessing.get_context("spawn").Process(target=write_files, args=(self, day))
        writer.start()
        writer.join()
        if writer.exitcode:
            raise SystemExit(f"The files of {self.accounts:,} accounts could not be written.")

    def environment(self, day: date) -> dict[str, str]:
        """Return what a command needs to work on this company, with a day that counts as today."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT / "include"),
            "CUSTOMER_HEALTH_HOME": str(self.home),
            "CUSTOMER_HEALTH_CONFIG": str(self.folder / "company.yaml"),
            "CUSTOMER_HEALTH_TODAY": day.isoformat(),
        }

    def step(self, name: str, day: date) -> dict[str, float | str]:
        """Run one command in a process of its own; return what it cost.

        Raises:
            SystemExit: It failed; its words are printed.
        """
        command = [sys.executable, "-m", "customer_health", name, "--as-of", day.isoformat()]
        log = self.folder / f"{name}-{day}.log"
        began = time.perf_counter()
        with log.open("w") as out:
            process = subprocess.Popen(
                command, env=self.environment(day), stdout=out, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name} failed:\n{log.read_text()[-2000:]}")
        return {
            "step": name,
            "wall_s": time.perf_counter() - began,
            "cpu_s": used.ru_utime + used.ru_stime,
            "peak_gb": used.ru_maxrss / 2**20,
        }


def write_files(company: Company, day: date) -> None:
    """Write a company's files of everything known before a day."""
    from customer_health.simulator.canonical_exports import write_tables
    from customer_health.simulator.product import default_start

    start = default_start(DAY)
    files = company.home / "company"
    files.mkdir(parents=True, exist_ok=True)
    born = {"start": start.isoformat(), "accounts": company.accounts, "seed": 7}
    (files / "company.json").write_text(json.dumps(born), encoding="utf-8")
    write_tables(files, start=start, through=day, accounts=company.accounts, seed=7)


def begin(folder: Path, accounts: int) -> Company:
    """Return a company that has no files yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "company.yaml").write_text("model: {effort: quick}\n", encoding="utf-8")
    return Company(folder, accounts)


def lend_champion(to: Company, trained: Company) -> None:
    """Put the model of one company into the office of another."""
    from customer_health.ledger import model_registry
    from customer_health.ledger.engine import open_ledger

    record = model_registry.current(open_ledger(f"sqlite:///{trained.home}/ledger.db"))
    if record is None or record.decision != "model":
        raise SystemExit("The smaller company gave no model; raise --trained-on.")
    model_registry.promote(open_ledger(f"sqlite:///{to.home}/ledger.db"), record)


def prepare(folder: Path, accounts: int, trained_on: int) -> Company:
    """Return a company that has lived until the day before; go on from what is there."""
    yesterday = DAY - timedelta(days=1)
    small, big = begin(folder / "small", trained_on), begin(folder / "big", accounts)
    before = ("ingest", "gate", "texts")
    for company, steps in ((small, (*before, "train")), (big, (*before, "signals"))):
        if not (company.folder / "ready").exists():
            company.live_until(yesterday)
            for name in steps:
                taken = company.step(name, yesterday)
                print(f"prepared: {company.accounts:,} accounts, {name}, {taken['wall_s']:.0f} s", flush=True)
            if company is big:
                lend_champion(big, small)
                for name in STEPS[4:]:
                    big.step(name, yesterday)
            (company.folder / "ready").touch()
    return big


def stores(home: Path) -> str:
    """Return how large the parts of a home are, in MB."""
    sizes = {
        part.name: sum(path.lstat().st_size for path in (part.rglob("*") if part.is_dir() else [part]))
        for part in sorted(home.iterdir())
    }
    return ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in sizes.items() if size >= 5e5)


def measure(company: Company) -> pd.DataFrame:
    """Live the day and return what each step cost; written beside the home, too."""
    company.live_until(DAY)
    table = pd.DataFrame([company.step(name, DAY) for name in STEPS])
    table.to_csv(company.folder / MEASURED, index=False)
    return table


def interpreter_seconds() -> float:
    """Return what it takes to start an interpreter that can run a step."""
    empty = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import customer_health.pipeline"],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "include")},
    )
    return time.perf_counter() - empty


def main() -> None:
    """Prepare, measure one day, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--trained-on", type=int, default=2_000, help="accounts of the company that trains")
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on from what is there")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="daily-chain-"))
    big = prepare(folder, options.accounts, options.trained_on)
    start, load = interpreter_seconds(), os.getloadavg()[0]
    table = measure(big)
    whole = table["wall_s"].sum()
    table["share"] = table["wall_s"] / whole
    print(f"\nOne day of {options.accounts:,} accounts, as of {DAY}")
    print(table.round(2).to_string(index=False))
    print(f"of which starting {len(STEPS)} interpreters: {len(STEPS) * start:.1f} s")
    print(
        f"whole: {whole:.0f} s ({table['cpu_s'].sum():.0f} CPU s), "
        f"{whole / 60 / BUDGET_MINUTES:.2f} of the {BUDGET_MINUTES} minutes"
    )
    print(f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores")
    print(f"MB: {stores(big.home)}")
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
