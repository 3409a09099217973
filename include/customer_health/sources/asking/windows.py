"""Which whole days an export is asked for.

A window is never cut anew: the file of a window is replaced by the same window's next answer, so that days
which are read again are the same days. The first run takes long strides; the last days, which are read again
while data comes in late, are windows of one day from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from customer_health.sources.asking.vendor import Windows

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def name(self) -> str:
        """Name of the window's file, without suffix."""
        return self.first.isoformat() if self.first == self.last else f"{self.first}_{self.last}"

    def words(self, windows: Windows) -> dict[str, Any]:
        """Return what `{window.start}`, `{window.end}` and `{window.days}` stand for."""
        end = self.last if windows.end == "last_day" else self.last + DAY
        return {
            "window.start": _written(self.first, windows.format),
            "window.end": _written(end, windows.end_format or windows.format),
            "window.days": (self.last - self.first).days + 1,
        }


def _written(day: date, format_: str) -> Any:
    moment = datetime.combine(day, time(), tzinfo=UTC)
    if format_ in ("unix", "unix_ms"):
        return int(moment.timestamp()) * (1000 if format_ == "unix_ms" else 1)
    return moment.strftime(format_)


def due(windows: Windows, through: date | None, asked_on: date | None, as_of: date) -> Iterator[Window]:
    """Yield the windows of a run, the oldest first.

    Args:
        windows: What the vendor file says.
        through: Last day that has been asked for; None before the first run.
        asked_on: As-of date of the last whole run.
        as_of: The day of this run; its own day is not over and not asked for.
    """
    last = as_of - DAY
    single_from = last - DAY * windows.again  # the days that will be asked for again
    if through is not None:
        # The same day once more brings at most what came in since: one call looks at the newest day.
        again = windows.again if asked_on is None or as_of > asked_on else 0
        begin = max(windows.start, min(through + DAY, last - DAY * again))
    else:
        begin = windows.start
    while begin <= last:
        fresh = through is None or begin > through
        long = fresh and begin + DAY * (windows.stride - 1) < single_from
        end = begin + DAY * (windows.stride - 1) if long else begin
        yield Window(begin, end)
        begin = end + DAY
