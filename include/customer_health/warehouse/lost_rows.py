"""Rows that could not be read: how many may be lost before the run stops, and what three of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from customer_health.warehouse.contracts import RowRule, identifier, literal
from customer_health.warehouse.raw import first, scalar
from customer_health.warehouse.row_check import Scan, of_loads
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb

FEW_LOST = 5
"""So many unreadable rows are quarantined without stopping the run, however small the table is."""


@dataclass(frozen=True)
class Lost:
    """Rows of new loads that were not understood.

    Attributes:
        rows: How many.
        of: How many rows and lines came.
        shown: The worst column with three of its values, and why they are not read.
    """

    rows: int = 0
    of: int = 0
    shown: str = ""

    @property
    def share(self) -> float:
        """Share of what came; 0 where it is a handful."""
        return self.rows / self.of if self.rows > FEW_LOST else 0.0


def lost_rows(
    con: duckdb.DuckDBPyConnection, table: Table, rules: Sequence[RowRule], loads: Sequence[str], seen: Scan
) -> Lost:
    """Count what ingestion and row rules could not read of these loads, before anything is moved."""
    if not loads:
        return Lost()
    named = ", ".join(literal(load) for load in loads)
    rejected = int(
        scalar(
            con,
            f"SELECT coalesce(sum(rejected), 0) FROM ops.files WHERE table_name = ? AND load_id IN ({named})",
            [table.name],
        )
    )
    lost = Lost(rejected + seen.lost, seen.rows + rejected)
    if not lost.share:
        return lost
    shown = _unread(con, table, named) if rejected >= seen.lost else _broken(con, table, rules, loads, seen)
    return Lost(lost.rows, lost.of, shown)


def _unread(con: duckdb.DuckDBPyConnection, table: Table, named: str) -> str:
    worst = first(
        con,
        "SELECT column_name, reason, list(DISTINCT coalesce(value, left(record, 60)))[:3], max(remedy) "
        f"FROM quarantine.rows WHERE table_name = ? AND load_id IN ({named}) "
        "GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1",
        [table.name],
    )
    if worst is None:
        return ""
    _, reason, values, remedy = worst
    return f"{reason}: {_quoted(values)}. {remedy}"


def _broken(
    con: duckdb.DuckDBPyConnection, table: Table, rules: Sequence[RowRule], loads: Sequence[str], seen: Scan
) -> str:
    worst = max((rule for rule in rules if rule.lost), key=lambda rule: seen.broken.get(rule.name, 0))
    found = first(
        con,
        f"SELECT list(DISTINCT CAST(t.{identifier(worst.column)} AS VARCHAR))[:3] FROM raw.{table.name} t "
        f"WHERE {of_loads(loads)} AND {worst.broken}",
    )
    return f"{worst.reason}: {_quoted(found[0] if found else [])}. {worst.remedy}"


def _quoted(values: Sequence[str | None]) -> str:
    return ", ".join("empty" if value is None else f"'{value}'" for value in values) or "empty"
