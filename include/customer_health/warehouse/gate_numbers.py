"""What the gate saw, as plain data for people who open no warehouse: counts, tables, faults, quarantine.

Cells are personal data. A sample is the row's place and the *shape* of the cell at fault: letters and digits
stand for letters and digits, so that "31.13.26" or "n/a" can be recognised and a name cannot. Dates and
numbers in columns of dates and numbers stay as they are. The whole row is where its file is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

    from customer_health.warehouse.gate_result import GateResult

MOST_CAUSES, MOST_SAMPLES, LONGEST = 200, 5, 40
_FIGURES = re.compile(r"[\d\s.,:/+%-]{1,24}")


def gate_numbers(con: duckdb.DuckDBPyConnection, result: GateResult) -> dict[str, Any]:
    """Return what a gate saw.

    Args:
        con: The warehouse.
        result: Of the gate that has just looked.

    Returns:
        `counts` as in its result; `tables` with newest, days_old and rows; `failed` expectations with remedy;
        `quarantine` by table with causes and samples, the most frequent first.
    """
    return {
        "counts": result.counts(),
        "day": result.report.parent.name,
        "tables": [
            {
                "table": name,
                "newest": None if one.newest is None else one.newest.isoformat(),
                **{key: one.values.get(key) for key in ("days_old", "rows", "new_rows", "quarantined")},
            }
            for name, one in result.measured.items()
            if one.values.get("rows") or one.values.get("new_rows")
        ],
        "failed": [
            {
                "table": one.table,
                "column": one.demand.column,
                "severity": one.demand.severity,
                "expected": one.demand.expected,
                "found": one.found,
                "remedy": one.demand.remedy,
            }
            for one in result.failed
        ],
        "quarantine": _quarantine(con),
    }


def shape(table: str, column: str | None, value: str | None) -> str:
    """Return a cell as it may be shown: the figures of a date or number, of anything else its shape."""
    if value is None:
        return "(empty)"
    contract = TABLES.get(table)
    known = contract.columns.get(column or "") if contract else None
    if known is not None and known.type is not Type.TEXT and _FIGURES.fullmatch(value):
        return value
    plain = "".join(
        "9" if sign.isdecimal() else ("A" if sign.isupper() else "a") if sign.isalpha() else sign
        for sign in value[:LONGEST]
    )
    return plain + ("…" if len(value) > LONGEST else "")


def _quarantine(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    causes = con.execute(
        "SELECT table_name, source, file, column_name, reason, min(remedy), count(*), "
        f"list({{'row': row_number, 'value': value}} ORDER BY row_number)[:{MOST_SAMPLES}] "
        "FROM quarantine.rows GROUP BY 1, 2, 3, 4, 5 "
        f"ORDER BY count(*) DESC, table_name, file, reason LIMIT {MOST_CAUSES}"
    ).fetchall()
    totals = con.execute(
        "SELECT table_name, count(*) FROM quarantine.rows GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return [
        {
            "table": table,
            "rows": rows,
            "causes": [
                {
                    "source": source,
                    "file": file,
                    "column": column,
                    "reason": reason,
                    "remedy": remedy,
                    "rows": many,
                    "samples": [
                        {"row": one["row"], "cell": shape(table, column, one["value"])} for one in samples
                    ],
                }
                for where, source, file, column, reason, remedy, many, samples in causes
                if where == table
            ],
        }
        for table, rows in totals
    ]
