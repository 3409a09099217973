"""The gate's page: what was expected, what was found, and which rows wait in quarantine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health import storage
from customer_health.html_templates import environment
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb
    from jinja2 import Template

    from customer_health.warehouse.gate_result import GateResult

# The measurements of a table that the page shows, in this order.
MEASURES = (
    "rows",
    "new_rows",
    "quarantined",
    "contradictions",
    "copies",
    "unreadable",
    "days_old",
    "volume_ratio",
)


def write_report(con: duckdb.DuckDBPyConnection, result: GateResult) -> None:
    """Write the page; it needs no network and shows no customer's row, only where to find it."""
    quarantine = con.execute(
        "SELECT table_name, file, coalesce(column_name, ''), reason, remedy, count(*), "
        "list(row_number ORDER BY row_number)[:10] FROM quarantine.rows "
        "GROUP BY ALL ORDER BY 1, 6 DESC LIMIT 200"
    ).fetchall()
    page = _template().render(
        result=result, counts=result.counts(), quarantine=quarantine, tables=TABLES, measures=MEASURES
    )
    storage.write(result.report, page)


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


@lru_cache
def _template() -> Template:
    found = environment(Path(__file__).parent / "templates")
    found.filters["number"] = _number
    return found.get_template("gate_report.html")
