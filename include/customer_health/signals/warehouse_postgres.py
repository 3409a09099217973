"""A Postgres warehouse: the same reductions, compiled by Ibis, fetched as Arrow over ADBC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from customer_health.errors import DataContractError
from customer_health.signals.state import Columns
from customer_health.signals.warehouse_tables import Warehouse, columns_of, compile_sql
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


class PostgresWarehouse(Warehouse):
    """A warehouse behind a DB-API connection of ADBC.

    Usage is grouped by queries: rows need not leave the warehouse.

    Args:
        connection: From `adbc_driver_postgresql.dbapi.connect(uri)`.
    """

    streams = False
    dialect = "postgres"

    def __init__(self, connection: Any) -> None:
        import ibis

        self.ibis = ibis
        self.hash_version = "pandas"
        self.unplaced = 0
        self._connection = connection
        self._kept: dict[str, Any] = {}
        self._run("SET TIME ZONE 'UTC'")

    def keep(self, name: str, rows: pa.Table) -> Any:
        """Make a small table available to queries as a temporary table."""
        with self._connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE IF EXISTS "{name}"')
            cursor.adbc_ingest(name, rows, mode="create", temporary=True)
        self._kept[name] = self.ibis.table(self.ibis.Schema.from_pyarrow(rows.schema), name=name)
        return self._kept[name]

    def fetch(self, expression: Any) -> Columns:
        """Run a query; numbers come as NumPy arrays (missing floats NaN), text as object arrays."""
        with self._connection.cursor() as cursor:
            cursor.execute(compile_sql(expression.op(), self.dialect))
            return columns_of(cursor.fetch_arrow_table())

    def hashes(self, texts: Sequence[str]) -> Any:
        """64-bit hashes of texts; engines do not agree on one, so it is computed here."""
        from pandas.util import hash_array

        return hash_array(np.asarray(texts, dtype=object)).view(np.int64)

    def check_tables(self) -> None:
        """Make sure that every canonical table exists.

        Raises:
            DataContractError: One does not.
        """
        found = self._run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'")
        for name in TABLES:
            if (name,) not in found:
                raise DataContractError(
                    f"The table raw.{name} does not exist.", hint="Run the ingest step before the signals."
                )

    def fingerprint(self, table: str) -> list[Any]:
        """What a table of facts holds, as far as loads can change it."""
        query = f'SELECT count(*), max("_load_id"), min("_load_id"), sum("_row")::text FROM raw."{table}"'
        return [table, self._run(query)]

    def loads(self, table: str) -> tuple[int, list[str]]:
        """Number of rows, and the loads that they came with."""
        rows = self._run(f'SELECT count(*) FROM raw."{table}"')[0][0]
        found = self._run(f'SELECT DISTINCT "_load_id" FROM raw."{table}"')
        return int(rows), sorted(str(row[0]) for row in found)

    def rows_of(self, table: str, loads: Sequence[str]) -> int:
        """Number of rows of some loads."""
        kept = self.raw(table, loads)
        return int(self.fetch(kept.aggregate(n=kept.count()))["n"][0])

    def usual_lag(self) -> int:
        """The most frequent delay in days: a guess that only speed depends on."""
        found = self._run(
            'SELECT greatest(0, "known_at"::date - "occurred_at"::date) AS lag, count(*) AS n '
            'FROM raw."usage" GROUP BY 1 ORDER BY n DESC, lag LIMIT 1'
        )
        return int(found[0][0]) if found else 0

    def _run(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []
