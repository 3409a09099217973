"""Hold new rows against the row rules: one scan to count, and a move of whatever is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from customer_health.warehouse.contracts import UNKNOWN_ACCOUNT, RowRule, identifier, literal
from customer_health.warehouse.raw import first
from customer_health.warehouse.table import Table, Type

if TYPE_CHECKING:
    import duckdb


@dataclass
class Scan:
    """What one scan of the new rows of a table saw.

    Attributes:
        rows: New rows.
        broken: Rule name -> rows that break it (a row may break several).
        empty: Column -> rows in which it is empty.
        ranges: Column -> (smallest, largest) as text.
        moved: Rows that went to quarantine.
        lost: New rows that break a rule by which they were not understood (RowRule.lost).
    """

    rows: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    empty: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    moved: int = 0
    lost: int = 0


def of_loads(loads: Sequence[str]) -> str:
    """Return the predicate that picks the rows of these loads."""
    return f"t._load_id IN ({', '.join(literal(load) for load in loads)})"


def _rows(table: Table) -> str:
    """Return the FROM clause that row rules are written for: the row as `t`, its account as `k`."""
    if "account_id" not in table.columns or table.name == "accounts":
        return f"raw.{table.name} t"
    known = "(SELECT DISTINCT account_id AS known_account FROM raw.accounts)"
    return f"raw.{table.name} t LEFT JOIN {known} k ON k.known_account = t.account_id"


def scan(
    con: duckdb.DuckDBPyConnection, table: Table, rules: Sequence[RowRule], loads: Sequence[str]
) -> Scan:
    """Count in one pass over the rows of `loads` how many break which rule, with gaps and ranges."""
    if not loads:
        return Scan()
    columns = list(table.columns)
    ranged = [name for name, c in table.columns.items() if c.type not in (Type.TEXT, Type.BOOLEAN)]
    lost = " OR ".join(f"({rule.broken})" for rule in rules if rule.lost) or "false"
    wanted = ["count(*)", f"count(*) FILTER (WHERE {lost})"]
    wanted += [f"count(*) FILTER (WHERE {rule.broken})" for rule in rules]
    wanted += [f"count(*) - count(t.{identifier(name)})" for name in columns]
    for name in ranged:
        wanted += [f"CAST({side}(t.{identifier(name)}) AS VARCHAR)" for side in ("min", "max")]
    found = first(con, f"SELECT {', '.join(wanted)} FROM {_rows(table)} WHERE {of_loads(loads)}")
    assert found is not None
    values = iter(found)
    return Scan(
        rows=next(values),
        lost=next(values),
        broken={rule.name: next(values) for rule in rules},
        empty={name: next(values) for name in columns},
        ranges={name: (next(values), next(values)) for name in ranged},
    )


def move_broken(
    con: duckdb.DuckDBPyConnection, table: Table, rules: Sequence[RowRule], loads: Sequence[str], seen: Scan
) -> None:
    """Move rows that break a rule to quarantine, each under the first rule it breaks.

    The caller holds the transaction. Only rules that the scan saw broken take part.
    """
    hit = [rule for rule in rules if seen.broken.get(rule.name)]
    if not hit:
        return
    which = " ".join(f"WHEN {rule.broken} THEN {number}" for number, rule in enumerate(hit))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE gate_broken AS SELECT t.rowid AS rid, CASE {which} END AS rule "
        f"FROM {_rows(table)} WHERE {of_loads(loads)} AND ({' OR '.join(rule.broken for rule in hit)})"
    )

    def by_rule(values: Sequence[str]) -> str:
        return f"CASE b.rule {' '.join(f'WHEN {n} THEN {value}' for n, value in enumerate(values))} END"

    quarantine(
        con,
        table,
        "JOIN gate_broken b ON t.rowid = b.rid",
        column=by_rule([literal(rule.column) for rule in hit]),
        value=by_rule([f"CAST(t.{identifier(rule.column)} AS VARCHAR)" for rule in hit]),
        reason=by_rule([literal(rule.reason) for rule in hit]),
        remedy=by_rule([literal(rule.remedy) for rule in hit]),
    )
    _explain_orphans(con, table, loads)
    moved = first(con, f"DELETE FROM raw.{table.name} WHERE rowid IN (SELECT rid FROM gate_broken)")
    seen.moved = moved[0] if moved else 0


def quarantine(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    joined: str,
    *,
    column: str,
    value: str,
    reason: str,
    remedy: str,
) -> None:
    """Copy rows of raw.<table> (alias `t`, narrowed by `joined`) to quarantine. The arguments are SQL."""
    fields = ", ".join(f"{literal(name)}, t.{identifier(name)}" for name in table.columns)
    con.execute(
        f"INSERT INTO quarantine.rows SELECT {literal(table.name)}, t._source, t._file, t._row, {column}, "
        f"{value}, {reason}, {remedy}, CAST(json_object({fields}) AS VARCHAR), t._load_id "
        f"FROM raw.{table.name} t {joined}"
    )


def _explain_orphans(con: duckdb.DuckDBPyConnection, table: Table, loads: Sequence[str]) -> None:
    """Say so when the missing account is itself in quarantine: then that is the row to fix."""
    con.execute(
        "UPDATE quarantine.rows AS t SET remedy = 'Its account is in quarantine itself: fix ' || a.file "
        "|| ' row ' || a.row_number || ' first; then this row is loaded again.' "
        "FROM (SELECT json_extract_string(record, '$.account_id') AS account_id, "
        "min(file) AS file, min(row_number) AS row_number FROM quarantine.rows "
        "WHERE table_name = 'accounts' AND record IS NOT NULL AND json_valid(record) GROUP BY 1) a "
        f"WHERE t.table_name = ? AND {of_loads(loads).replace('_load_id', 'load_id')} "
        f"AND starts_with(t.reason, {literal(UNKNOWN_ACCOUNT)}) AND a.account_id = t.value",
        [table.name],
    )
