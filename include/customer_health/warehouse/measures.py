"""Measure a table once: the few numbers that Great Expectations judges and that the history keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import TYPE_CHECKING

from customer_health.warehouse.bounds import FEW_CONTRADICTIONS
from customer_health.warehouse.contracts import UNKNOWN_ACCOUNT
from customer_health.warehouse.duplicates import Duplicates
from customer_health.warehouse.lost_rows import Lost
from customer_health.warehouse.raw import first, scalar
from customer_health.warehouse.row_check import Scan
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb

MANY_STRANGERS = 20
"""Fewer rows may well all be of accounts that are not known yet."""

WITHOUT_CONTRACT = (
    "SELECT count(*) FROM raw.accounts WHERE account_id NOT IN (SELECT account_id FROM raw.contracts)"
)

WEEKS = 8
"""The weeks before the last one that make a usual week."""

MANY_VANISHED = 100
"""So many records may be missing from a full export without anybody being asked."""

NOTHING_LOST = Lost()

FEW_ROWS = 20
"""Of fewer rows a week, half a week is noise."""


@dataclass
class Measures:
    """Measurements of one table.

    Attributes:
        values: Measure -> number; None where it cannot be known.
        shown: Measure -> how it reads, where a number does not say it.
    """

    table: Table
    values: dict[str, float | None] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    newest: datetime | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the table is sound, optional and empty, and no file ever fed it a row."""
        if self.table.required or self.values["missing_columns"]:
            return False
        return not any(
            self.values.get(name) for name in ("rows", "new_rows", "unreadable", "strangers_share")
        )


def measure(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    as_of: date,
    scan: Scan,
    found: Duplicates,
    missing: Mapping[str, str],
    lost: Lost = NOTHING_LOST,
) -> Measures:
    """Return the measurements of a table.

    Args:
        con: The warehouse.
        table: Its contract.
        as_of: The day of the run.
        scan: What the scan of the new rows saw.
        found: Repeated keys among them.
        missing: Column -> what was found instead.
        lost: What could not be read of the new rows.
    """
    result = Measures(table)
    values = result.values
    values["missing_columns"] = float(len(missing))
    if missing:
        result.shown["missing_columns"] = "; ".join(f"{name}: {found_}" for name, found_ in missing.items())
        return result
    values["rows"] = float(scalar(con, f"SELECT count(*) FROM raw.{table.name}"))
    values["new_rows"] = float(scan.rows)
    values["quarantined"] = float(scan.moved)
    values["copies"] = float(found.copies)
    values["superseded"] = float(found.superseded)
    values["contradictions"] = float(found.contradictions)
    many = found.contradictions > FEW_CONTRADICTIONS
    values["contradiction_share"] = found.contradictions / scan.rows if many and scan.rows else 0.0
    result.shown["contradiction_share"] = f"{found.contradictions:,} of {scan.rows:,} new rows"
    values["retired"] = float(found.retired)
    _of_files(con, result, scan, found)
    values["lost_share"] = lost.share
    result.shown["lost_share"] = f"{lost.rows:,} of {lost.of:,} new rows; {lost.shown}"
    values["unreadable"] = float(
        scalar(con, "SELECT coalesce(sum(rejected), 0) FROM ops.files WHERE table_name = ?", [table.name])
    )
    values |= {f"broken.{name}": float(count) for name, count in scan.broken.items()}
    _of_strangers(con, result)
    if scan.rows:
        values |= {f"empty_share.{name}": count / scan.rows for name, count in scan.empty.items()}
        for name, (low, high) in scan.ranges.items():
            values[f"range.{name}"] = None
            result.shown[f"range.{name}"] = f"{low} .. {high}"
    _freshness(con, as_of, result)
    if table.name == "accounts":
        values["without_contract"] = None  # known once the contracts have been looked at
    return result


def _of_strangers(con: duckdb.DuckDBPyConnection, result: Measures) -> None:
    """Some rows of unknown accounts are usual. A table that holds no others was given the wrong ids."""
    waiting = 0
    if not result.values["rows"]:
        query = "SELECT count(*) FROM quarantine.rows WHERE table_name = ? AND starts_with(reason, ?)"
        waiting = int(scalar(con, query, [result.table.name, UNKNOWN_ACCOUNT]))
    result.values["strangers_share"] = 1.0 if waiting >= MANY_STRANGERS else 0.0
    result.shown["strangers_share"] = f"{waiting:,} rows of unknown accounts and no other"


def _of_files(con: duckdb.DuckDBPyConnection, result: Measures, scan: Scan, found: Duplicates) -> None:
    """What files say twice, or no longer; and stages of which no source tells."""
    values, table = result.values, result.table
    values["overlapping"] = float(found.overlapping)
    many = found.overlapping > FEW_CONTRADICTIONS
    values["overlap_share"] = found.overlapping / scan.rows if many and scan.rows else 0.0
    result.shown["overlap_share"] = f"{found.overlapping:,} of {scan.rows:,} new rows"
    many = found.retired > MANY_VANISHED
    values["vanished_share"] = found.retired / found.records if many else 0.0
    result.shown["vanished_share"] = f"{found.retired:,} of {found.records:,}"
    if "unknown_stages" not in table.columns:
        return
    for stage in (name for name, column in table.columns.items() if column.lifecycle):
        told = "" if stage not in table.closed_by.values() else "AND status IS NULL"
        values[f"untold.{stage}"] = float(
            scalar(
                con,
                f"SELECT count(*) FROM raw.{table.name} WHERE contains(unknown_stages, ?) {told}",
                [stage],
            )
        )


def _freshness(con: duckdb.DuckDBPyConnection, as_of: date, result: Measures) -> None:
    """Age of the newest row, and last week's volume against the eight weeks before it."""
    name = result.table.name
    row = first(
        con, f"SELECT max(known_at) FROM raw.{name} WHERE known_at < ?::DATE + INTERVAL 1 DAY", [as_of]
    )
    result.newest = row[0] if row else None
    if result.newest is None:
        return
    result.values["days_old"] = max(0.0, (datetime(as_of.year, as_of.month, as_of.day) - result.newest).days)  # noqa: DTZ001
    weeks = dict(
        con.execute(
            f"SELECT date_diff('day', CAST(known_at AS DATE), ?::DATE - 1) // 7 AS week, count(*) "
            f"FROM raw.{name} WHERE known_at >= ?::DATE - {7 * (WEEKS + 1)} AND known_at < ?::DATE "
            "GROUP BY 1",
            [as_of, as_of, as_of],
        ).fetchall()
    )
    usual = median(weeks.get(week, 0) for week in range(1, WEEKS + 1))
    result.values["volume_ratio"] = weeks.get(0, 0) / usual if usual >= FEW_ROWS else None


def write_measures(con: duckdb.DuckDBPyConnection, as_of: date, measured: Mapping[str, Measures]) -> None:
    """Replace this day's measurements and freshness. The caller holds the transaction."""
    con.execute("DELETE FROM ops.gate WHERE as_of = ?", [as_of])
    con.execute("DELETE FROM ops.freshness WHERE as_of = ?", [as_of])
    rows = [
        (as_of, name, measure_, value, measures.shown.get(measure_))
        for name, measures in measured.items()
        for measure_, value in measures.values.items()
    ]
    con.executemany("INSERT INTO ops.gate VALUES (?, ?, ?, ?, ?)", rows)
    con.executemany(
        "INSERT INTO ops.freshness VALUES (?, ?, ?, ?, ?)",
        [
            (as_of, name, m.newest, m.values.get("days_old"), int(m.values.get("rows") or 0))
            for name, m in measured.items()
        ],
    )
