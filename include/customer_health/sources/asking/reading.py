"""What one reading of a vendor did: the extraction report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class ResourceReading:
    """What was asked of one resource, and what came.

    Attributes:
        asked: From where, as the vendor's own value; empty: everything.
        read: Rows that came.
        new: Rows whose key was not known within what is re-read, or that have no key.
        changed: Rows that differ from what was known.
        known: Rows that came again unchanged, and did not land.
        deleted: Rows that a full reading no longer holds.
        newest: Largest cursor value, in seconds or as the vendor's number.
        calls: Requests made.
        skipped: Why nothing was asked.
    """

    asked: str = ""
    read: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    deleted: int = 0
    newest: float | None = None
    calls: int = 0
    skipped: str = ""

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
        return {**totals, "calls": self.calls}

    def lines(self) -> list[str]:
        """Sentences for people: one per resource, then the calls."""
        found = [_line(name, one) for name, one in self.resources.items()]
        left = "" if self.calls_left is None else f", {self.calls_left:,} left by the vendor's count"
        waited = f", {self.waited:,.0f} s waited for its limits" if self.waited >= 1 else ""
        return [*found, f"{self.source}: {self.calls:,} calls{left}{waited}"]


def _line(name: str, one: ResourceReading) -> str:
    if one.skipped:
        return f"{name}: not asked, {one.skipped}"
    since = f" since {one.asked}" if one.asked else ""
    parts = [f"{one.read:,} rows read{since}", f"{one.new:,} new"]
    if one.changed:
        parts.append(f"{one.changed:,} changed")
    if one.known:
        parts.append(f"{one.known:,} known already")
    if one.deleted:
        parts.append(f"{one.deleted:,} deleted at the vendor")
    return f"{name}: {', '.join(parts)} ({one.calls} calls)"


def as_counts(one: ResourceReading, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of one resource."""
    return {**asdict(one), **whole}
