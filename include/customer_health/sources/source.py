"""What a source is: something that brings the canonical tables up to date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Protocol

from customer_health.progress import Progress
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

    from customer_health.sources.asking.reading import Reading


@dataclass
class TableLoad:
    """What one load did to one canonical table, in rows and files."""

    new: int = 0
    updated: int = 0
    skipped: int = 0
    quarantined: int = 0
    files: int = 0
    files_skipped: int = 0
    files_empty: int = 0


@dataclass
class LoadResult:
    """What one load of a source did.

    Attributes:
        load_id: Identity of the load; on every row that it landed. Empty if nothing was to be done.
        tables: Canonical table -> counts.
        notes: Sentences about how files were read, for the log.
    """

    source: str
    load_id: str = ""
    tables: dict[str, TableLoad] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, table: str) -> TableLoad:
        """Return the counts of a table, zero at first."""
        return self.tables.setdefault(table, TableLoad())

    def counts(self) -> dict[str, int | float | str]:
        """Totals and rows per table, for machines."""
        loads = list(self.tables.values())
        totals: dict[str, int | float | str] = {
            "source": self.source,
            "new": sum(load.new for load in loads),
            "updated": sum(load.updated for load in loads),
            "skipped": sum(load.skipped for load in loads),
            "quarantined": sum(load.quarantined for load in loads),
            "files": sum(load.files for load in loads),
            "files_skipped": sum(load.files_skipped for load in loads),
        }
        return totals | {f"{name}_new": load.new + load.updated for name, load in self.tables.items()}

    def lines(self) -> list[str]:
        """Sentences for people: one per table, then what was noticed while reading."""
        return [_line(name, load) for name, load in self.tables.items()] + self.notes


def _line(name: str, load: TableLoad) -> str:
    if not load.files:
        return (
            f"{name}: nothing new ({plural(load.skipped, 'row')} of "
            f"{_files(load.files_skipped)} {'is' if load.skipped == 1 else 'are'} loaded already)"
        )
    parts = [plural(load.new, "new row")]
    if load.updated:
        parts.append(plural(load.updated, "row replaces an earlier one", "rows replace earlier ones"))
    if load.skipped:
        parts.append(f"{load.skipped:,} loaded already")
    if load.quarantined:
        parts.append(f"{load.quarantined:,} unreadable, in quarantine")
    if load.files_empty:
        parts.append(f"{_files(load.files_empty)} with a header and no rows")
    return f"{name}: {', '.join(parts)} ({_files(load.files)})"


def _files(number: int) -> str:
    return f"{number} file" if number == 1 else f"{number} files"


class Source(Protocol):
    """Brings the canonical tables up to date.

    Attributes:
        name: Written to `_source` of every row.
        company: Whose data it is; a warehouse holds one company.

    Loading twice loads nothing twice; a row that cannot be read goes to quarantine with its file, row,
    column, value, and remedy, and never stops the others.
    """

    @property
    def name(self) -> str: ...

    @property
    def company(self) -> str: ...

    def fetch(self, *, as_of: date, progress: Progress) -> Reading | None:
        """Bring what lies elsewhere to where `load` finds it, without the warehouse; None if nothing does.

        Args:
            as_of: The day of the run.
            progress: Told about every step.
        """
        ...

    def load(self, con: duckdb.DuckDBPyConnection, *, as_of: date, progress: Progress) -> LoadResult:
        """Load what is new or changed.

        Args:
            con: The warehouse, with its tables created (warehouse/raw.py).
            as_of: The day of the run.
            progress: Told about every file.
        """
        ...


def in_order(tables: Iterable[str]) -> list[str]:
    """Return table names in the order of the contracts: accounts first, since all others refer to them."""
    from customer_health.warehouse.tables import TABLES

    wanted = set(tables)
    return [name for name in TABLES if name in wanted]
