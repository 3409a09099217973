"""The warehouse as the reduction sees it: declared tables in, NumPy arrays out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from customer_health.signals.state import Columns
from customer_health.warehouse.tables import TABLES, Type

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

NUMBERS = "account_numbers"  # account_id -> position; joined with every raw table

_TYPES = {
    Type.TEXT: "string",
    Type.INTEGER: "int64",
    Type.NUMBER: "float64",
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp(6)",
}


@lru_cache(maxsize=512)
def _sql(operation: Any) -> str:
    """Compile a query once per process; the same reduction runs for every bucket and every test."""
    import ibis

    return str(ibis.to_sql(operation.to_expr(), dialect="duckdb"))


class Warehouse:
    """An open warehouse.

    It works on a cursor of its own: the caller may still be reading a result, and the small tables
    kept here must not show up in the caller's session.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        import ibis

        self.ibis = ibis
        self._cursor = con.cursor()
        self._kept: dict[str, Any] = {}

    def raw(self, name: str) -> Any:
        """A raw table, as its contract declares it; nothing is asked of the warehouse."""
        schema = {column: _TYPES[spec.type] for column, spec in TABLES[name].columns.items()}
        return self.ibis.table(schema, name=name, database="raw")

    def keep(self, name: str, rows: pa.Table) -> Any:
        """Make a small table available to queries under a name, and return it."""
        self._cursor.register(name, rows)
        self._kept[name] = self.ibis.table(self.ibis.Schema.from_pyarrow(rows.schema), name=name)
        return self._kept[name]

    def kept(self, name: str) -> Any:
        """A table that `keep` was given."""
        return self._kept[name]

    def fetch(self, expression: Any) -> Columns:
        """Run a query; numbers come as NumPy arrays (missing floats NaN), text as object arrays."""
        answer: pa.Table = self._cursor.sql(_sql(expression.op())).to_arrow_table()
        return {
            name: answer.column(name).combine_chunks().to_numpy(zero_copy_only=False)
            for name in answer.column_names
        }
