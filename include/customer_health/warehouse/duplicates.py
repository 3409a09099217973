"""Rows with the same natural key: copies are dropped; of contradicting rows the first is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.newer_files import (
    NEWEST_WINS,
    overlapping,
    placed,
    policy_of,
    replaced_days,
    retire,
)
from customer_health.warehouse.raw import first
from customer_health.warehouse.row_check import of_loads, quarantine
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb

CONTRADICTS = "contradicts another row with the same key"
_ROWS_AT_ONCE = 10_000_000
_CORRECT = (
    "Correct one of the two. If files bring later states of the same records, write "
    "`repeated_keys: newest_wins`; if every file is a full export, `latest_file`."
)


@dataclass
class Duplicates:
    """Rows beyond the first under repeated keys.

    Attributes:
        copies: Equal to the first in every column; dropped.
        superseded: Older states of the same fact, where the newest file wins; dropped.
        contradictions: Different from the first; quarantined unless they are too many.
        retired: Rows whose record the newest full export no longer holds; dropped.
        records: Records of older full exports, of which those are some.
        overlapping: New rows of summed files whose key another file has, too.
    """

    copies: int = 0
    superseded: int = 0
    contradictions: int = 0
    retired: int = 0
    records: int = 0
    overlapping: int = 0


def find_duplicates(con: duckdb.DuckDBPyConnection, table: Table, loads: Sequence[str]) -> Duplicates:
    """Find rows whose key came before, and keep them in the temporary table gate_repeated.

    The keys are grouped by their hash, so that the scan carries eight bytes a row however wide the key is;
    only rows under a repeated hash are compared by value. Where the key holds the day, only the days that the
    new loads touch are looked at.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gate_repeated (rid BIGINT, file VARCHAR, row BIGINT, same BOOLEAN)"
    )
    if not loads:
        return Duplicates()
    policy = policy_of(con, table)
    adds = policy in ("add", "sum", "replace_day")
    keys = [f"t.{identifier(name)}" for name in table.key] + (["t._file"] if adds else [])
    touched = _touched_days(con, table, loads)
    hashed = f"hash({', '.join(keys)})"
    con.execute("CREATE OR REPLACE TEMP TABLE gate_hashes (h UBIGINT)")
    for part in _parts(con, table, touched):
        con.execute(
            f"INSERT INTO gate_hashes SELECT {hashed} FROM raw.{table.name} t "
            f"WHERE {part} GROUP BY 1 HAVING count(*) > 1"
        )
    content = f"hash({', '.join(f't.{identifier(name)}' for name in table.columns)})"
    newest_first = "p.place DESC, t._file DESC, t._row DESC, t.rowid DESC"
    order = newest_first if policy in NEWEST_WINS else "p.place, t._file, t._row, t.rowid"
    con.execute(
        "INSERT INTO gate_repeated SELECT rid, file, row, same FROM (SELECT t.rowid AS rid, "
        "row_number() OVER w AS n, first_value(t._file) OVER w AS file, first_value(t._row) OVER w AS row, "
        f"first_value({content}) OVER w = {content} AS same FROM raw.{table.name} t {placed(table)} "
        f"WHERE {touched} AND {hashed} IN (SELECT h FROM gate_hashes) "
        f"WINDOW w AS (PARTITION BY {', '.join(keys)} ORDER BY {order})) WHERE n > 1"
    )
    counted = first(con, "SELECT count(*) FILTER (same), count(*) FILTER (NOT same) FROM gate_repeated")
    copies, other = counted if counted else (0, 0)
    found = Duplicates(copies=copies, contradictions=other)
    if policy in NEWEST_WINS:
        found = Duplicates(copies=copies, superseded=other)
    if policy == "latest_file":
        found.retired, found.records = retire(con, table)
    if policy == "replace_day":
        found.superseded = replaced_days(con, table, touched)
    if policy == "sum":
        parts = _parts(con, table, touched)
        found.overlapping = overlapping(con, table, loads, parts)
    return found


def settle_duplicates(con: duckdb.DuckDBPyConnection, table: Table, found: Duplicates) -> None:
    """Drop copies and older states; quarantine contradictions. The caller holds the transaction."""
    if found.contradictions:
        key = " || ' / ' || ".join(f"CAST(t.{identifier(name)} AS VARCHAR)" for name in table.key)
        quarantine(
            con,
            table,
            "JOIN gate_repeated b ON t.rowid = b.rid WHERE NOT b.same",
            column=literal(", ".join(table.key)),
            value=key,
            reason=f"{literal(f'{CONTRADICTS}; kept: ')} || b.file || ' row ' || b.row",
            remedy=literal(_CORRECT),
        )
    if found.copies or found.superseded or found.contradictions or found.retired:
        con.execute(f"DELETE FROM raw.{table.name} WHERE rowid IN (SELECT rid FROM gate_repeated)")


def _touched_days(con: duckdb.DuckDBPyConnection, table: Table, loads: Sequence[str]) -> str:
    if "occurred_at" not in table.key:
        return "true"
    days = first(
        con,
        f"SELECT CAST(min(occurred_at) AS VARCHAR), CAST(max(occurred_at) AS VARCHAR) "
        f"FROM raw.{table.name} t WHERE {of_loads(loads)}",
    )
    if days is None or days[0] is None:
        return "false"
    kind = table.columns["occurred_at"].type.value
    return f"t.occurred_at BETWEEN {kind} {literal(days[0])} AND {kind} {literal(days[1])}"


def _parts(con: duckdb.DuckDBPyConnection, table: Table, touched: str) -> list[str]:
    """Split the touched rows by day, where the key holds the day: grouping then has bounded memory."""
    if "occurred_at" not in table.key:
        return [touched]
    found = first(
        con,
        "SELECT count(*), CAST(min(occurred_at) AS DATE), "
        "date_diff('day', min(occurred_at), max(occurred_at)) + 1 "
        f"FROM raw.{table.name} t WHERE {touched}",
    )
    if found is None or found[0] <= _ROWS_AT_ONCE:
        return [touched]
    rows, begin, days = found
    step = max(1, days * _ROWS_AT_ONCE // rows)
    starts = [begin + timedelta(days=day) for day in range(0, days, step)]
    return [
        f"t.occurred_at >= DATE '{start}' AND t.occurred_at < DATE '{start + timedelta(days=step)}'"
        for start in starts
    ]
