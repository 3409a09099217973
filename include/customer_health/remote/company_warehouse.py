"""A company's own warehouse, where its tables already are: looked at through Ibis, never written to.

Postgres is read over ADBC, which hands over Arrow; every other engine through its Ibis backend. Small
tables of our own (numbers of accounts) go in as temporary ones and vanish with the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from customer_health.errors import ConfigurationError, RetriableError, suggest
from customer_health.remote.duckdb_source import open_duckdb

if TYPE_CHECKING:
    import pyarrow as pa

POSTGRES = ("postgres", "postgresql")
ENGINES = ("bigquery", "databricks", "duckdb", "postgresql", "snowflake", "trino")
_DRIVERS = {"postgresql": "adbc-driver-postgresql"} | {
    name: f'"ibis-framework[{name}]"' for name in ENGINES if name != "postgresql"
}


class SourceWarehouse(Protocol):
    """An open connection to a company's warehouse. Expressions are Ibis'."""

    def table(self, name: str) -> Any:
        """A table as it is there.

        Args:
            name: `table`, `schema.table` or `catalog.schema.table`, in any case.

        Raises:
            ConfigurationError: There is no such table, or it may not be read.
        """
        ...

    def tables(self, schema: str) -> list[str]:
        """Names of the tables and views of a schema, in any case; none if there is no such schema."""
        ...

    def keep(self, name: str, rows: pa.Table) -> Any:
        """Make a small table available to queries under a name, and return it."""
        ...

    def bit_or(self, column: Any) -> Any:
        """The expression that unites all bits of a group's whole numbers."""
        ...

    def arrow(self, expression: Any) -> pa.Table:
        """Run a query and return its whole result."""
        ...

    def batches(self, expression: Any) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run a query and hand over its result piece by piece."""
        ...


@contextmanager
def open_source(url: str) -> Iterator[SourceWarehouse]:
    """Open a company's warehouse.

    Args:
        url: `postgresql://user:password@host/database`, or what `ibis.connect` accepts, such as
            `snowflake://...`, `bigquery://...`, `databricks://...`, `trino://...`.

    Raises:
        ConfigurationError: The engine is unknown, its driver is not installed, or it refuses us.
        RetriableError: It does not answer.
    """
    engine = url.partition("://")[0].lower()
    if engine.startswith("airflow:"):
        raise ConfigurationError(
            f"The source warehouse is named by the Airflow connection '{url.partition(':')[2]}', which only "
            "Airflow's tasks can read.",
            hint="On the command line, set CUSTOMER_HEALTH_SOURCE_WAREHOUSE to its address.",
        )
    if engine == "duckdb":
        with open_duckdb(url) as file:
            yield file
        return
    opened = _postgres(url) if engine in POSTGRES else _through_ibis(url, engine)
    with opened as source:
        yield source


def _not_installed(engine: str) -> ConfigurationError:
    return ConfigurationError(
        f"The driver for {engine} is not installed.", hint=f"Run: pip install {_DRIVERS[engine]}"
    )


@contextmanager
def _through_ibis(url: str, engine: str) -> Iterator[SourceWarehouse]:
    import ibis

    if engine not in ENGINES:
        raise ConfigurationError(
            f"A warehouse of kind '{engine}' is not read.", hint=suggest(engine, ENGINES)
        )
    try:
        backend = ibis.connect(url)
    except ImportError:  # of the backend, or of the vendor's package below it
        raise _not_installed(engine) from None
    except Exception as error:  # every vendor raises its own
        raise RetriableError(
            f"The warehouse ({engine}) refuses our login: {_words(error)}",
            hint="Check address, user and password of the source warehouse; then try again.",
        ) from None
    try:
        yield IbisSource(backend)
    finally:
        backend.disconnect()


@contextmanager
def _postgres(url: str) -> Iterator[SourceWarehouse]:
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise _not_installed("postgresql") from None
    try:
        connection = dbapi.connect(url)
    except Error as error:
        raise RetriableError(
            f"Postgres refuses our login: {_words(error)}",
            hint="Check address, user and password of the source warehouse; then try again.",
        ) from None
    with connection:
        yield PostgresSource(connection)


def _words(error: Exception) -> str:
    """What a driver says, on one line. They name host and user, and leave the password out."""
    return " ".join(str(error).split())[:300]


class IbisSource:
    """Any engine that Ibis has a backend for."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def table(self, name: str) -> Any:
        """See `SourceWarehouse`."""
        schema, _, table = name.rpartition(".")
        known = self.tables(schema)
        found = _same(table, known)
        if found is None:
            raise _absent(name, [f"{schema}.{one}" if schema else one for one in known])
        return self.backend.table(found, database=self._database(schema))

    def tables(self, schema: str) -> list[str]:
        """See `SourceWarehouse`."""
        try:
            return list(self.backend.list_tables(database=self._database(schema)))
        except Exception as error:  # every vendor raises its own
            raise ConfigurationError(
                f"The source warehouse cannot list '{schema}': {_words(error)}",
                hint="Write tables as schema.table, and let our user read that schema.",
            ) from None

    def _database(self, schema: str) -> Any:
        """A schema as Ibis wants it named: a text, or a pair if a catalog stands before it."""
        parts = tuple(schema.split(".")) if schema else ()
        if len(parts) == 1 and hasattr(self.backend, "list_databases"):
            return _same(parts[0], self.backend.list_databases()) or parts[0]
        return parts or None

    def keep(self, name: str, rows: pa.Table) -> Any:
        """See `SourceWarehouse`."""
        import ibis

        return ibis.memtable(rows)

    def bit_or(self, column: Any) -> Any:
        """See `SourceWarehouse`. Ibis 12 has no rule for Spark's, which exists all the same."""
        return _spark_bit_or()(column) if self.backend.name == "pyspark" else column.bit_or()

    def arrow(self, expression: Any) -> pa.Table:
        """See `SourceWarehouse`."""
        return self.backend.to_pyarrow(expression)

    @contextmanager
    def batches(self, expression: Any) -> Iterator[pa.RecordBatchReader]:
        """See `SourceWarehouse`."""
        yield self.backend.to_pyarrow_batches(expression)


class PostgresSource:
    """A Postgres behind a DB-API connection of ADBC.

    All queries of one connection see one and the same snapshot: what a loader writes meanwhile
    cannot end up in half of them.

    Args:
        connection: From `adbc_driver_postgresql.dbapi.connect(url)`.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows("SET TIME ZONE 'UTC'")
        connection.commit()
        self._rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def table(self, name: str) -> Any:
        """See `SourceWarehouse`."""
        import ibis

        schema, _, table = name.rpartition(".")
        quoted = [(part or "public").replace("'", "''").lower() for part in (schema, table)]
        found = self._rows(
            "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) "
            "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped "
            f"AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND lower(n.nspname) = '{quoted[0]}' "
            f"AND lower(c.relname) = '{quoted[1]}' ORDER BY n.nspname, c.relname, a.attnum"
        )
        if not found:
            raise _absent(name, [f"{at}.{one}" for at, one in self._rows(_TABLES)])
        first = found[0][:2]
        columns = {column: _type(kind) for *place, column, kind in found if tuple(place) == first}
        return ibis.table(columns, name=first[1], database=first[0])

    def tables(self, schema: str) -> list[str]:
        """See `SourceWarehouse`."""
        wanted = (schema or "public").casefold()
        return [one for at, one in self._rows(_TABLES) if at.casefold() == wanted]

    def keep(self, name: str, rows: pa.Table) -> Any:
        """See `SourceWarehouse`."""
        import ibis

        with self._connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE IF EXISTS pg_temp."{name}"')
            cursor.adbc_ingest(name, rows, mode="create", temporary=True)
        return ibis.table(ibis.Schema.from_pyarrow(rows.schema), name=name)

    def bit_or(self, column: Any) -> Any:
        """See `SourceWarehouse`."""
        return column.bit_or()

    def arrow(self, expression: Any) -> pa.Table:
        """See `SourceWarehouse`."""
        import pyarrow

        with self._running(expression) as cursor:
            answer = cursor.fetch_arrow_table()
        # Postgres adds up whole numbers to NUMERIC, which ADBC hands over as text.
        wanted = expression.schema().to_pyarrow()
        for place, (found, meant) in enumerate(zip(answer.schema, wanted, strict=True)):
            if isinstance(found.type, pyarrow.BaseExtensionType):
                column = pyarrow.chunked_array(
                    [chunk.storage.cast(meant.type) for chunk in answer.column(place).chunks], meant.type
                )
                answer = answer.set_column(place, meant.name, column)
        return answer

    @contextmanager
    def batches(self, expression: Any) -> Iterator[pa.RecordBatchReader]:
        """See `SourceWarehouse`."""
        with self._running(expression) as cursor:
            yield cursor.fetch_record_batch()

    @contextmanager
    def _running(self, expression: Any) -> Iterator[Any]:
        import ibis
        from adbc_driver_manager import Error

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(str(ibis.to_sql(expression, dialect="postgres")))
                yield cursor
        except Error as error:
            raise ConfigurationError(
                f"Postgres refuses a query: {_words(error)}",
                hint="Our user needs SELECT on the tables, USAGE on their schema and TEMPORARY on the "
                "database.",
            ) from None

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


_TABLES = (
    "SELECT table_schema::text, table_name::text FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
)


def _type(kind: str) -> Any:
    """The Ibis type of a Postgres type. Enumerations and the like are JSON to it: something to be cast."""
    from ibis.backends.sql.datatypes import PostgresType

    found = PostgresType.from_string(kind)
    return "json" if found.is_unknown() else found


@lru_cache(maxsize=1)
def _spark_bit_or() -> Any:
    import ibis

    def bit_or(column: int) -> int:
        """Spark's own aggregate, by its name."""
        raise NotImplementedError

    return ibis.udf.agg.builtin(bit_or, signature=(("int64",), "int64"))


def _same(name: str, known: list[str]) -> str | None:
    """The name as it is spelt there: exactly so if it exists, else in another case."""
    if name in known:
        return name
    return next((one for one in known if one.casefold() == name.casefold()), None)


def _absent(name: str, known: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"The source warehouse shows no table '{name}'.",
        hint=f"{suggest(name, known)} Is our user allowed to read it?",
    )
