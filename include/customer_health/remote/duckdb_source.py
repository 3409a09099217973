"""A company's tables in a DuckDB file, read only; Ibis writes the SQL, DuckDB itself runs it.

Ibis 12 reads answers by a method that DuckDB 2 no longer has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, RetriableError, suggest

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def open_duckdb(url: str) -> Iterator[DuckDbSource]:
    """Open `duckdb:///path`.

    Raises:
        RetriableError: The file is not there, or somebody else writes to it.
    """
    import duckdb

    path = url.partition("://")[2]
    try:
        connection = duckdb.connect(path, read_only=True)
    except duckdb.Error as error:
        raise RetriableError(
            f"The DuckDB file {path} cannot be opened: {str(error).splitlines()[0]}",
            hint="Correct the path of the source warehouse, or wait until its writer has finished.",
        ) from None
    with connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield DuckDbSource(connection)


class DuckDbSource:
    """See `SourceWarehouse`.

    Args:
        connection: An open connection.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def table(self, name: str) -> Any:
        """See `SourceWarehouse`."""
        import ibis

        schema, _, table = name.rpartition(".")
        found = self._connection.execute(
            "SELECT schema_name, table_name FROM (SELECT schema_name, table_name FROM duckdb_tables() "
            "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal) "
            "WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
            [schema or "main", table],
        ).fetchall()
        if not found:
            known = [f"{schema}.{one}" if schema else one for one in self.tables(schema)]
            raise ConfigurationError(
                f"The source warehouse shows no table '{name}'.", hint=suggest(name, known)
            )
        at, spelt = found[0]
        empty = self._connection.execute(f'SELECT * FROM "{at}"."{spelt}" LIMIT 0').to_arrow_table()
        return ibis.table(ibis.Schema.from_pyarrow(empty.schema), name=spelt, database=at)

    def tables(self, schema: str) -> list[str]:
        """See `SourceWarehouse`."""
        rows = self._connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE lower(schema_name) = lower(?) UNION ALL "
            "SELECT view_name FROM duckdb_views() WHERE NOT internal AND lower(schema_name) = lower(?)",
            [schema or "main", schema or "main"],
        ).fetchall()
        return [name for (name,) in rows]

    def keep(self, name: str, rows: pa.Table) -> Any:
        """See `SourceWarehouse`."""
        import ibis

        self._connection.register(name, rows)
        return ibis.table(ibis.Schema.from_pyarrow(rows.schema), name=name)

    def bit_or(self, column: Any) -> Any:
        """See `SourceWarehouse`."""
        return column.bit_or()

    def arrow(self, expression: Any) -> pa.Table:
        """See `SourceWarehouse`."""
        return self._run(expression).to_arrow_table().cast(expression.schema().to_pyarrow())

    @contextmanager
    def batches(self, expression: Any) -> Iterator[pa.RecordBatchReader]:
        """See `SourceWarehouse`."""
        yield self._run(expression).to_arrow_reader()

    def _run(self, expression: Any) -> Any:
        import ibis

        return self._connection.execute(str(ibis.to_sql(expression, dialect="duckdb")))
