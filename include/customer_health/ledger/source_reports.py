"""The extraction report of every source: what was asked, what came, how far behind it is, calls left.

Written by the two tasks of a source (ask, load), read by the pages. Nothing here is a secret or a
person's data: names of resources and tables, numbers, and the vendor's own cursor values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Engine, select

from customer_health.ledger.cursors import save_reading
from customer_health.ledger.schema import source_readings

LOADED = "means."
"""Before the name of a canonical table, where a resource would stand; no resource may be called so."""


@dataclass(frozen=True)
class ResourceReport:
    """The last reading of one resource.

    Attributes:
        resource: As the vendor file calls it; with `/<hash>` where several mailboxes are asked.
        as_of: The day of the run.
        asked: From where, as the vendor's own value; empty: everything.
        read, new, changed, known, deleted: Rows; see sources/asking/reading.py.
        whole: Whether everything was read; else `new` holds changed rows, too: the tables tell them apart.
        lag_hours: Hours between the newest record and the day's cut; None if the vendor shows no time.
        calls: Requests made.
        skipped: Why nothing was asked.
        failed: Why nothing came; empty if it did.
    """

    resource: str
    as_of: date
    asked: str = ""
    read: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    deleted: int = 0
    lag_hours: float | None = None
    calls: int = 0
    whole: bool = False
    skipped: str = ""
    failed: str = ""


@dataclass(frozen=True)
class TableReport:
    """The last load of one canonical table from one source, in rows.

    Attributes:
        table: Its name.
        as_of: The day of the run.
        new, updated, skipped: Rows that came, that replaced earlier ones, that were loaded already.
        quarantined: Rows that could not be read; `quarantine.rows` has them with reason and remedy.
    """

    table: str
    as_of: date
    new: int = 0
    updated: int = 0
    skipped: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class SourceReport:
    """What is known of one source.

    Attributes:
        source: Its name.
        resources: Of its last readings, by name; empty for files and warehouses, which are not asked.
        tables: Of its last loads, by name.
        calls_left: By the vendor's own count at the last call; None if it does not say.
    """

    source: str
    resources: tuple[ResourceReport, ...]
    tables: tuple[TableReport, ...]
    calls_left: int | None

    @property
    def as_of(self) -> date:
        """The day of the last run."""
        return max([*(one.as_of for one in self.resources), *(one.as_of for one in self.tables)])

    @property
    def calls(self) -> int:
        """Requests that the last run made."""
        return sum(one.calls for one in self.resources if one.as_of == self.as_of)

    @property
    def quarantined(self) -> int:
        """Rows of the last run that could not be read."""
        return sum(one.quarantined for one in self.tables if one.as_of == self.as_of)

    @property
    def lag_hours(self) -> float | None:
        """Hours by which the newest record of all resources is behind; None if no resource shows a time."""
        known = [one.lag_hours for one in self.resources if one.lag_hours is not None]
        return min(known, default=None)

    @property
    def failed(self) -> str:
        """Why the last run did not bring everything; empty if it did."""
        return "; ".join(f"{one.resource}: {one.failed}" for one in self.resources if one.failed)


def save_load(engine: Engine, source: str, table: str, as_of: date, counts: dict[str, int]) -> None:
    """Keep what one load did to a canonical table; the last load of a day counts."""
    save_reading(engine, source, LOADED + table, as_of, counts)


def source_reports(engine: Engine, *, until: date | None = None) -> list[SourceReport]:
    """Return the last report of every source, by name.

    Args:
        engine: The ledger.
        until: Last as-of date that counts; default: all.
    """
    query = select(source_readings).order_by(source_readings.c.as_of)
    if until is not None:
        query = query.where(source_readings.c.as_of <= until)
    newest: dict[str, dict[str, tuple[date, dict[str, Any]]]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            newest.setdefault(row.source, {})[row.resource] = (row.as_of, dict(row.counts))
    return [_report(source, found) for source, found in sorted(newest.items())]


def _report(source: str, found: dict[str, tuple[date, dict[str, Any]]]) -> SourceReport:
    resources, tables = [], []
    for name, (as_of, counts) in sorted(found.items()):
        if name.startswith(LOADED):
            tables.append(TableReport(name.removeprefix(LOADED), as_of, **_known(TableReport, counts)))
        else:
            resources.append(ResourceReport(name, as_of, **_known(ResourceReport, counts)))
    last = max((one.as_of for one in resources), default=None)
    left = [counts.get("calls_left") for _, (as_of, counts) in sorted(found.items()) if as_of == last]
    said = [int(one) for one in left if one is not None]
    return SourceReport(source, tuple(resources), tuple(tables), min(said, default=None))


def _known(kind: type, counts: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)} - {"as_of"}
    return {name: value for name, value in counts.items() if name in names}
