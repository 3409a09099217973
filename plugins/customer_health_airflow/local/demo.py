"""`make demo`: a quarter of weekly readings, then real Airflow for today, and what came out."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from customer_health.errors import ConfigurationError, CustomerHealthError
from customer_health.pipeline.past_readings import can_live_through
from customer_health.settings import Settings, load_settings
from customer_health_airflow.local import processes
from customer_health_airflow.local.chain import ChainFailedError, Watch
from customer_health_airflow.local.company_data import Company
from customer_health_airflow.local.past_weeks import PAST, PastWeeks, readings_before
from customer_health_airflow.local.rest import Airflow, AirflowApiError
from customer_health_airflow.local.stack import Stack

BEFORE = timedelta(days=7)
EXPECTED = (CustomerHealthError, ChainFailedError, processes.PartDiedError, AirflowApiError, OSError)


class Printer:
    """Prints progress with the time that has passed."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"{minutes:3d}:{seconds:02d}  {line}", flush=True)


def main(arguments: list[str], *, prepare: Callable[[Airflow], None] | None = None) -> int:
    """Run the demo; return the exit code.

    Args:
        arguments: Of the command line.
        prepare: Called when Airflow is up and before anything runs, to create connections for instance.
    """
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    for name in ("data", "mapping", "config", "today"):
        parser.add_argument(f"--{name}", default=os.environ.get(f"CUSTOMER_HEALTH_{name.upper()}", ""))
    for name in ("vendors", "folder"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument(
        "--past", default=PAST[0], choices=PAST, help="how far back it lives through readings"
    )
    options = parser.parse_args(arguments)
    say = Printer()
    stack = Stack(say)
    processes.adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell's background job ignores SIGINT
        signal.signal(number, _as_interrupt)
    try:
        named = Company.of(
            options.data,
            options.mapping,
            options.config,
            options.today,
            vendors=options.vendors,
            folder=options.folder,
        )
        summary = _run(*_company(named), stack, say, prepare or (lambda _: None), options.past)
    except (
        CustomerHealthError,
        ChainFailedError,
        processes.PartDiedError,
        AirflowApiError,
        OSError,
    ) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped on request.", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        stack.stop()
    print(f"\n{summary}")
    return 0


def _as_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _company(company: Company) -> tuple[Company, Settings]:
    """Settle the day, and refuse wrong settings before anything is started."""
    from customer_health.sources.last_day import last_day

    settings = load_settings(company.environment(pretend=True))
    if settings.today and settings.today > datetime.now(UTC).date():
        raise ConfigurationError(
            f"TODAY={settings.today} lies in the future.",
            hint="Choose the day after the last fact, or leave it out.",
        )
    if not company.today:
        now = datetime.now(UTC).date()
        day = min(last_day(settings, before=now), now) if company.data else now
        company = replace(company, today=day.isoformat())
        settings = load_settings(company.environment(pretend=True))
    return company, settings


def _run(
    company: Company,
    settings: Settings,
    stack: Stack,
    say: Printer,
    prepare: Callable[[Airflow], None],
    length: str,
) -> str:
    assert settings.today is not None
    today = settings.today
    finished = Finished(company.home)
    before = _count_effects(settings)
    say(f"{_named(company, settings)}, as of {today}.")
    company.remember()
    environment = company.environment(pretend=True)
    lives = can_live_through(settings)
    past = None
    if lives and not finished.any_before(today):
        days = readings_before(today, length)
        say(f"Meanwhile it lives through {len(days)} readings of the {length} before, in one process")
        past = stack.beside(environment, lambda outer: PastWeeks(outer, stack.logs / "past_weeks.log", days))
    elif lives and length != PAST[0]:
        say(f"Its past has been lived through: to live through a {length}, remove {company.home} first")
    # A training that is due costs the demo a minute and changes nothing today: `make up` catches it up.
    stack.start(environment, drop_unfinished=True, resting=("train_model",) if lives else ())
    say("Airflow is up: scheduler, DAG processor, triggerer, API server.")
    prepare(stack.airflow)
    watch = Watch(stack.airflow, stack.logs, say, stack.check)
    stamp = datetime.now(UTC).strftime("%H%M%S")
    if past is not None:
        past.wait(say)
        for day in readings_before(today, length):
            finished.add(day)
    for day in [today] if finished.any_before(today) else [today - BEFORE, today]:
        say(f"As of {day}" + (": the day to compare with" if day != today else ""))
        watch.run("ingest_sources", day, until="deliver_effects", stamp=stamp)
        finished.add(day)
    watch.run("report_kpis", today, until="report_kpis", stamp=stamp)
    after = _count_effects(settings)
    say(f"{after - before:,} new effects promised; {before:,} had been there before and were not repeated.")
    from customer_health.cli.run_summary import demo_summary

    return demo_summary(settings, as_of=today, colour=sys.stdout.isatty())


def _named(company: Company, settings: Settings) -> str:
    if company.data:
        return f"Your files in {company.data}"
    asked = ", ".join(sorted(settings.config.sources))
    return f"A company that is asked for through {asked}" if asked else "A simulated company"


def _count_effects(settings: Settings) -> int:
    """Count what has ever been promised: a run that repeats a day must not change it."""
    from customer_health.ledger import outbox_queries
    from customer_health.ledger.engine import open_ledger

    return outbox_queries.total(open_ledger(settings.ledger_url))


class Finished:
    """The days that a demo has brought to their end, kept beside the data they were computed from."""

    def __init__(self, home: Path) -> None:
        self._path = home / "demo_days.json"

    def _days(self) -> list[str]:
        try:
            return list(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return []

    def any_before(self, day: date) -> bool:
        """Whether there is an earlier day to compare with, so that only this one need be run."""
        return any(known < day.isoformat() for known in self._days())

    def add(self, day: date) -> None:
        """Note that this day is complete."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(sorted({*self._days(), day.isoformat()})), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
