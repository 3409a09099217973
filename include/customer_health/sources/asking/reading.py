"""What one reading of a vendor did: the extraction report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from customer_health.wording import plural

_EARLIEST, _LATEST = 631_152_000.0, 4_102_444_800.0  # 1990 and 2100: numbers between them are epoch seconds


@dataclass
class ResourceReading:
    """What was asked of one resource, and what came.

    Attributes:
        asked: From where, as the vendor's own value; empty: everything.
        read: Rows that came.
        new: Rows whose key was not known within what is re-read, or that have no key. Where not the whole was
            read, also those that have changed since they first came; the load tells them apart.
        changed: Rows that differ from what was known.
        known: Rows that came again unchanged, and did not land.
        deleted: Rows that a full reading no longer holds.
        newest: Largest cursor value, in seconds or as the vendor's number.
        lag_hours: Hours between the newest record and the day's cut; None if the vendor shows no time.
        calls: Requests made.
        whole: Whether everything was read, as a first reading is.
        skipped: Why nothing was asked.
        way: How it was read, where there is more than one way.
        failed: Why nothing came, in words that repeat nothing of what the vendor said.
    """

    asked: str = ""
    read: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    deleted: int = 0
    newest: float | None = None
    lag_hours: float | None = None
    calls: int = 0
    whole: bool = False
    skipped: str = ""
    way: str = ""
    failed: str = ""

    @property
    def landed(self) -> int:
        """Rows written to files."""
        return self.new + self.changed + self.deleted


@dataclass
class Reading:
    """What one reading of a source did.

    Attributes:
        resources: By name.
        waited: Seconds spent waiting for the vendor's limits.
        calls_left: As the vendor says; None if it does not.
    """

    source: str
    resources: dict[str, ResourceReading] = field(default_factory=dict)
    calls: int = 0
    calls_left: int | None = None
    waited: float = 0.0

    def of(self, resource: str) -> ResourceReading:
        """Return the counts of a resource, zero at first."""
        return self.resources.setdefault(resource, ResourceReading())

    def counts(self) -> dict[str, int | float | str]:
        """Totals, for machines."""
        every = list(self.resources.values())
        totals: dict[str, int | float | str] = {
            f"rows_{name}": sum(getattr(one, name) for one in every)
            for name in ("read", "new", "changed", "known", "deleted")
        }
        left = {} if self.calls_left is None else {"calls_left": self.calls_left}
        lags = [one.lag_hours for one in every if one.lag_hours is not None]
        lag = {"lag_hours": round(min(lags), 1)} if lags else {}
        return {**totals, "calls": self.calls, **left, **lag}

    def lines(self) -> list[str]:
        """Sentences for people: one per resource, then the calls."""
        found = [_line(name, one) for name, one in self.resources.items()]
        left = "" if self.calls_left is None else f", {self.calls_left:,} left by the vendor's count"
        waited = f", {self.waited:,.0f} s waited for its limits" if self.waited >= 1 else ""
        return [*found, f"{self.source}: {_calls(self.calls)}{left}{waited}"]


def _line(name: str, one: ResourceReading) -> str:
    if one.skipped:
        return f"{name}: not asked, {one.skipped}"
    since = f" since {one.asked}" if one.asked else ""
    parts = [
        f"{plural(one.read, 'row')} read{since}",
        f"{one.new:,} {'new' if one.whole else 'new or changed'}",
    ]
    if one.changed:
        parts.append(f"{one.changed:,} changed")
    if one.known:
        parts.append(f"{one.known:,} known already")
    if one.deleted:
        parts.append(f"{one.deleted:,} deleted at the vendor")
    if one.lag_hours is not None:
        parts.append(f"the newest {_behind(one.lag_hours)}")
    way = f", {one.way}" if one.way else ""
    return f"{name}: {', '.join(parts)} ({_calls(one.calls)}{way})"


def _calls(number: int) -> str:
    return plural(number, "call")


def _behind(hours: float) -> str:
    """Return how far before the day's cut something lies."""
    if hours < 1:
        return "up to the day's cut"
    return (
        f"{hours:,.0f} h before the day's cut"
        if hours < 72
        else f"{hours / 24:,.0f} days before the day's cut"
    )


def lag_of(newest: float | None, as_of: date) -> float | None:
    """Return the hours from a cursor value to the midnight (UTC) of `as_of`; None if it is not a time.

    A vendor that is asked after midnight shows records of the day itself: then nothing is behind.
    """
    if newest is None:
        return None
    seconds = newest / 1000 if newest > _LATEST else newest
    if not _EARLIEST < seconds < _LATEST:
        return None  # a number of changes, or an id
    cut = datetime.combine(as_of, time(), tzinfo=UTC).timestamp()
    return max(cut - seconds, 0.0) / 3600


def as_counts(one: ResourceReading, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of one resource."""
    return {**asdict(one), **whole}
