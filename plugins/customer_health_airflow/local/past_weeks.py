"""Readings before today, computed in a process of its own while Airflow starts.

A quarter of weekly ones; on request (`make demo PAST=year`) four of the year before as well, scored by
models that knew no more than they did. Small accounts that were Red for a year show then, and losses and save
plays of which the outcome is known.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from customer_health.settings import load_settings
from customer_health_airflow.local.processes import PartDiedError, tail

WEEKS = 13
YEAR = (56, 43, 30, 17)  # weeks before today: a Red account has been so for a year, and a week more
PAST = ("quarter", "year")
POLL = 0.5


def readings_before(today: date, past: str = PAST[0]) -> list[date]:
    """Return the as-of dates of the quarter before today, oldest first, or of the year."""
    year = YEAR if past == "year" else ()
    return [today - timedelta(weeks=number) for number in (*year, *range(WEEKS, 0, -1))]


def trained_anew(days: Sequence[date]) -> list[date]:
    """Return the days on which another model is due: the one that begins the weekly ones, and the one before.

    A model of a year later may change too many colours to take over at once; two in a row that agree do.
    """
    return [
        one
        for before, day, after in zip(days, days[1:], days[2:], strict=False)
        if (day - before).days > 7 >= (after - day).days
        for one in (before, day)
    ]


class PastWeeks:
    """The process that lives through them.

    Args:
        environment: CUSTOMER_HEALTH_* variables and whatever else the process needs; with the stack's mark
            in it, stopping the stack ends this process too.
        log: Where its progress is written, one line each.
        days: As-of dates.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, days: Sequence[date]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        module = "customer_health_airflow.local.past_weeks"
        with log.open("w", encoding="utf-8") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *(day.isoformat() for day in days)],
                env=dict(environment),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """Of its own: what a stop of the stack asks for."""
        return self._process.pid

    def wait(self, say: Callable[[str], None]) -> None:
        """Repeat its progress and return when it has ended.

        Raises:
            PartDiedError: It failed; the message carries the end of its output.
        """
        told = 0
        while True:
            code = self._process.poll()
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            for line in whole[told:]:
                if line.startswith("  "):  # its own words, not a library's
                    say(line.rstrip())
            told = len(whole)
            if code is not None:
                break
            time.sleep(POLL)
        if code:
            raise PartDiedError(
                f"Living through the past weeks failed:\n{tail(self._log)}\n"
                f"  -> the whole output: {self._log}"
            )


def main(days: Sequence[str]) -> int:
    """Live through the days; every line of progress begins with two spaces."""
    from customer_health.errors import CustomerHealthError
    from customer_health.pipeline.past_readings import live_through

    def progress(done: int, total: int, message: str) -> None:
        print(f"  {message}" + (f" ({done} of {total})" if total else ""), flush=True)

    try:
        dates = [date.fromisoformat(day) for day in days]
        result = live_through(load_settings(), days=dates, train_anew=trained_anew(dates), progress=progress)
    except CustomerHealthError as error:
        print(error, flush=True)
        return 1
    for line in result.lines():
        progress(0, 0, line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
