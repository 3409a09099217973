"""Ask a vendor for a page or two and look at what comes: nothing is remembered, nothing is loaded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import CustomerHealthError
from customer_health.sources.asking.reading import Reading
from customer_health.sources.asking.vendor import Vendor
from customer_health.warehouse.contracts import identifier
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

SHOWN = 5


@dataclass
class Trial:
    """What a trial showed.

    Attributes:
        reading: Rows and calls per resource.
        refused: Resource -> what the vendor said.
        absent: (canonical column, source column) that no record of the trial has.
        rows: Canonical table -> column names and its first rows.
        quarantined: Sentences about rows that could not be read.
        granted: Rights that the vendor says it has granted; empty if it does not say.
        clock_skew: Seconds by which the vendor's clock is ahead of ours; None if it does not say.
    """

    reading: Reading
    refused: dict[str, CustomerHealthError] = field(default_factory=dict)
    absent: list[tuple[str, str]] = field(default_factory=list)
    rows: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = field(default_factory=dict)
    quarantined: list[str] = field(default_factory=list)
    granted: frozenset[str] = frozenset()
    clock_skew: float | None = None

    def lines(self) -> list[str]:
        """Sentences for people: what came, what it means, what is missing."""
        found = self.reading.lines()
        found += [f"{name}: {error.message}\n  -> {error.hint}" for name, error in self.refused.items()]
        for table, (names, rows) in self.rows.items():
            found.append(
                f"{table}: the first {'row as it' if len(rows) == 1 else f'{len(rows)} rows as they'} "
                "would be loaded"
                if rows
                else f"{table}: no rows"
            )
            for row in rows:
                pairs = (
                    f"{name}={value}" for name, value in zip(names, row, strict=True) if value is not None
                )
                found.append("  " + ", ".join(pairs))
        found += [f"not understood: {sentence}" for sentence in self.quarantined]
        found += [f"{place} reads '{name}', which none of the records has" for place, name in self.absent]
        return found


@contextmanager
def try_vendor(
    vendor: Vendor,
    connection: Mapping[str, str],
    *,
    as_of: date,
    pages: int = 1,
    through: str = "",
    sleep: Callable[[float], None] | None = None,
) -> Iterator[Trial]:
    """Yield what a few pages of every resource bring.

    Args:
        vendor: The vendor file.
        connection: Values of the connection.
        as_of: The day of the trial.
        pages: Pages per resource; of exports as many days.
        through: See AskingSession.
        sleep: How to wait.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.sources.asking.binding import bound
    from customer_health.sources.asking.extract import Extraction

    with tempfile.TemporaryDirectory(prefix="try-") as folder:
        trial = Trial(Reading(vendor.vendor))
        extraction = Extraction(
            source=vendor.vendor,
            vendor=vendor,
            connection=connection,
            ledger=open_ledger("sqlite://"),
            address=folder,
            scratch=Path(folder) / "spill",
            as_of=as_of,
            through=through,
            most_pages=pages,
            sleep=sleep,
        )
        for resource in vendor.resources:
            extraction.wanted = frozenset({resource.name})
            try:
                extraction.run()
            except CustomerHealthError as error:
                trial.refused[resource.name] = error
        trial.reading, trial.clock_skew = extraction.reading, extraction.clock_skew
        trial.granted = extraction.granted
        _load(trial, bound(vendor, connection), Path(folder), as_of)
        yield trial


def _load(trial: Trial, vendor: Vendor, folder: Path, as_of: date) -> None:
    from customer_health.sources.asking.vendor_file import as_mapping
    from customer_health.sources.locate import Folder
    from customer_health.sources.mapped_files import MappedFiles
    from customer_health.warehouse.connect import open_warehouse
    from customer_health.warehouse.raw import create_tables

    place = folder / vendor.vendor
    if not any(place.rglob("*.*")):
        return
    files = Folder(str(place), folder / "cache")
    mapping = as_mapping(vendor, "trial")
    with open_warehouse("duckdb://", reads=[folder], locked=False) as con:
        create_tables(con)
        try:
            MappedFiles(files, mapping, folder, vendor.vendor).load(
                con, as_of=as_of, progress=lambda *_: None
            )
        except CustomerHealthError as error:
            trial.refused["means"] = error
            return
        for table, feeds in mapping.tables.items():
            names = list(dict.fromkeys(name for feed in feeds for name in feed.columns))
            chosen = ", ".join(identifier(name) for name in names)
            trial.rows[table] = (
                names,
                con.execute(f"SELECT {chosen} FROM raw.{table} LIMIT {SHOWN}").fetchall(),
            )
        trial.quarantined = [
            f"{table}: {reason} ({plural(rows, 'row')}, such as {value!r}); {remedy}"
            for table, reason, remedy, value, rows in con.execute(
                "SELECT table_name, reason, any_value(remedy), any_value(value), count(*) "
                "FROM quarantine.rows GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        ]
        trial.absent = list(_absent(con, vendor, files, folder))


def _absent(
    con: duckdb.DuckDBPyConnection, vendor: Vendor, files: Any, folder: Path
) -> Iterator[tuple[str, str]]:
    """Yield what the meaning half reads and no record has; where no record came, nobody can tell."""
    from customer_health.sources.files import make_readable

    for table, feeds in vendor.means.items():
        for number, feed in enumerate(feeds):
            seen: set[str] = set()
            for count, file in enumerate(files.matching(feed.files)):
                scratch = folder / f"scratch-{table}-{number}-{count}"
                scratch.mkdir()
                seen |= {name.casefold() for name in make_readable(con, file.path, feed, scratch).columns}
            for name, rule in feed.columns.items():
                source = rule.column
                if seen and source and not _is_there(source.casefold(), seen, feed.rows.casefold()):
                    yield f"means.{table}.columns.{name}", source


def _is_there(source: str, seen: Collection[str], rows: str) -> bool:
    """Whether records have a field, or may have: where what it lies in is empty, nobody can tell."""
    parts = source.split(".")
    above = {".".join(parts[:depth]) for depth in range(1, len(parts))}
    return source in seen or bool(above & set(seen)) or bool(rows and source.startswith(f"{rows}."))
