"""A year of nights: faults, late data, outages, clocks, a night longer than a day, a week without nights.

    PYTHONPATH=include python -m benchmarks.nights --accounts 100 --nights 364 --minutes 300

A simulated company is loaded, judged, scored and acted upon night after night in this process, with the
hourly ticks, a local Slack behind the real client, and the incidents of tests/lib/nights/calendar.py.
Airflow's scheduler is not part of it (`make image-test`, tests/dags). Printed: what must not have happened
(exit code 1), how often each step failed and was told, and bytes a night by store. Where the minutes run out
before the nights do, it says so and judges those that were lived.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.lib.nights import Incident, Nights, a_year_of_incidents, findings
from tests.lib.nights.calendar import KINDS
from tests.lib.nights.findings import growth


def main(arguments: Sequence[str] | None = None) -> int:
    """Live, and print; exit code 1 when something happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--nights", type=int, default=364)
    parser.add_argument("--apart", type=int, default=7, help="ordinary nights between two incidents")
    parser.add_argument(
        "--incidents",
        help="KIND:NIGHT,...: these instead of all in turn; see tests/lib/nights/calendar.py",
    )
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 2, 2))
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so many minutes of wall time")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nights-") as name:
        year = Nights(
            Path(name),
            accounts=options.accounts,
            first=options.first,
            nights=options.nights,
            incidents=_named(options.incidents) or a_year_of_incidents(options.nights, apart=options.apart),
        )
        year.live(lambda day: _say(year, day), minutes=options.minutes)
        return _report(year, options.nights)


def _named(text: str | None) -> list[Incident]:
    pairs = [pair.partition(":") for pair in text.split(",")] if text else []
    if unknown := [kind for kind, _, _ in pairs if kind not in KINDS]:
        raise SystemExit(f"No such incident: {', '.join(unknown)}. There are: {', '.join(KINDS)}.")
    return [Incident(kind, int(night)) for kind, _, night in pairs]


def _say(year: Nights, day: date) -> None:
    wrong = ", ".join(sorted(year.diary.excused[day])) or "ordinary"
    print(f"{day} {wrong}: {year.diary.seconds[-1]:.0f} s", flush=True)


def _report(year: Nights, wanted: int) -> int:
    diary, bad = year.diary, findings(year)
    lived = [kind for day in year.days for kind in diary.excused[day]]
    print(f"\n{len(year.days)} of {wanted} nights were lived, {year.days[0]} to {year.days[-1]}")
    print(f"nights with incidents: {dict(Counter(lived))}; trainings: {len(diary.trainings)}")
    print(f"a night took {statistics.median(diary.seconds):.0f} s (median)")
    print("CPU seconds a night:", {name: round(cpu / len(year.days), 2) for name, cpu in diary.cpu.items()})
    for step, count in Counter(failure.step for failure in diary.failures).items():
        print(f"  {step}: failed {count} times, each time told")
    half = growth(year, since=min(30, len(year.days) // 3))
    for store, size in sorted(diary.sizes[year.days[-1]].items()):
        before, after = half.get(store, (0.0, 0.0))
        print(f"  {store:10} {size / 1e6:8.1f} MB; KB a night {before / 1e3:8.1f}, then {after / 1e3:8.1f}")
    print("\n".join(bad) or "Nothing happened that must not.")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
