"""The SQL of every reduction in every dialect, kept as files.

`PYTHONPATH=include:. python -m tests.lib.signals_sql` writes them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis

from customer_health.company import CompanyConfig
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.state.daily_state import Columns
from customer_health.signals.state.reduction import reduce_warehouse
from customer_health.signals.state.table_reader import Warehouse, compile_sql
from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES
from tests.lib.signals_random import RandomWorld

FOLDER = Path(__file__).parents[1] / "snapshots" / "sql"
DIALECTS = ("postgres", "snowflake", "bigquery", "databricks", "trino")  # pyspark needs a session
SIGNALS = tuple(CATALOGUE.values())
CONFIG = CompanyConfig.model_validate(
    {"usage": {"core_actions": {"Pro": ["report"], "default": ["export"]}, "power_user_days": 3}}
)
_TYPES = {
    Type.TEXT: "string",
    Type.INTEGER: "int64",
    Type.NUMBER: "float64",
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp(6)",
}


def in_schema(schema: str) -> Mapping[str, Any]:
    """Every canonical table as an expression over a schema that holds them as their contracts say."""
    return {
        name: ibis.table(
            {column: _TYPES[spec.type] for column, spec in table.columns.items()}, name=name, database=schema
        )
        for name, table in TABLES.items()
    }


class Recording(Warehouse):
    """Runs on DuckDB and keeps every query that a portable reduction asks."""

    streams = False

    def __init__(self, con: Any) -> None:
        super().__init__(con)
        self.asked: list[Any] = []

    def fetch(self, expression: Any) -> Columns:
        self.asked.append(expression.op())
        return super().fetch(expression)


def asked_of_every_warehouse() -> list[Any]:
    """Every query of the whole catalogue."""
    warehouse = Recording(RandomWorld(1).connect())
    reduce_warehouse(warehouse, CONFIG, SIGNALS)
    return warehouse.asked


def snapshot(dialect: str, asked: list[Any]) -> tuple[Path, str]:
    """The file of a dialect, and what it should hold: each different query once, in the order asked."""
    queries = dict.fromkeys(compile_sql(operation, dialect) for operation in asked)
    text = ";\n\n".join(queries) + ";\n"
    # Blanks that TRIM lists; as they are, an editor would fix them.
    return FOLDER / f"{dialect}.sql", text.translate({ord(sign): repr(sign)[1:-1] for sign in "\t\r\v\f"})


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    every = asked_of_every_warehouse()
    for name in DIALECTS:
        path, text = snapshot(name, every)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(FOLDER.parents[2]))
