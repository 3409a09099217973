"""The warehouse as the reduction sees it: declared tables in, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from customer_health.errors import DataContractError
from customer_health.signals.state.daily_state import Columns
from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH = 1 << 18  # rows handed over at once
LARGEST = 2**36  # amounts add up modulo this, so that absurd ones cannot overflow
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
def compile_sql(operation: Any, dialect: str = "duckdb") -> str:
    """Compile a query once per process; the same reduction runs for every bucket and every test."""
    import ibis

    return str(ibis.to_sql(operation.to_expr(), dialect=dialect))


class Warehouse:
    """An open DuckDB warehouse.

    It works on a cursor of its own: the caller may still be reading a result, and the small tables
    kept here must not show up in the caller's session.

    Attributes:
        streams: Whether `scan_usage` can hand over rows; else usage is grouped by queries.
        hash_version: Hashes of another version do not compare with the kept ones.
        without_account: Rows of accounts that nobody knows, in the last full read.
        rows_moved: Rows that came over from another engine so far.
    """

    streams = True
    rows_moved = 0

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        import duckdb
        import ibis

        self.ibis = ibis
        self.hash_version = f"duckdb {duckdb.__version__}"
        self.without_account = 0
        self._cursor = con.cursor()
        self._kept: dict[str, Any] = {}

    def where(self, table: str) -> Warehouse:
        """The warehouse that holds a raw table; usage may lie elsewhere."""
        return self

    def raw(self, name: str, loads: Sequence[str] | None = None) -> Any:
        """A raw table, as its contract declares it; nothing is asked of the warehouse.

        Args:
            name: Canonical table.
            loads: Only rows of these loads.
        """
        schema = {column: _TYPES[spec.type] for column, spec in TABLES[name].columns.items()}
        if loads is None:
            return self.ibis.table(schema, name=name, database="raw")
        table = self.ibis.table({**schema, "_load_id": "string"}, name=name, database="raw")
        return table.filter(table["_load_id"].isin(list(loads))).drop("_load_id")

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
        return columns_of(self._cursor.sql(compile_sql(expression.op())).to_arrow_table())

    def bit_or(self, column: Any) -> Any:
        """All bits of a group's whole numbers, as one number."""
        return column.bit_or()

    # -- what only the streaming reduction of usage needs

    def hashes(self, texts: Sequence[str]) -> Any:
        """64-bit hashes of texts, as the scan computes them."""
        import pyarrow as pa

        self._cursor.register("texts_to_hash", pa.table({"t": pa.array(list(texts), pa.string())}))
        found = self._cursor.sql("SELECT hash(t) AS h FROM texts_to_hash").to_arrow_table()
        return found.column("h").to_numpy().view(np.int64)

    def unnamed(self) -> Any:
        """Hashes of a user id that is empty, and of one that is missing."""
        empty = self.hashes([""])
        missing = self._cursor.execute("SELECT hash(NULL::VARCHAR)").fetchall()[0][0]
        return np.array([empty[0], np.uint64(missing).view(np.int64)], dtype=np.int64)

    def check_tables(self) -> None:
        """Make sure that every canonical table exists.

        Raises:
            DataContractError: One does not.
        """
        found = self._cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        ).fetchall()
        for name in TABLES:
            if (name,) not in found:
                raise DataContractError(
                    f"The table raw.{name} does not exist.", hint="Run the ingest step before the signals."
                )

    def fingerprint(self, table: str) -> list[Any]:
        """What a table of facts holds, as far as loads can change it."""
        described = self._cursor.execute(f"SELECT column_name FROM (DESCRIBE raw.{table})").fetchall()
        columns = {row[0] for row in described}
        loads = "max(_load_id), min(_load_id), sum(_row)" if "_load_id" in columns else "max(known_at)"
        amounts = _changed_in_place(columns)
        loads += "".join(f", sum(TRY_CAST({name} * 10000 AS HUGEINT))" for name in amounts)
        return [table, self._cursor.execute(f"SELECT count(*), {loads} FROM raw.{table}").fetchall()]

    def loads(self, table: str) -> tuple[int, list[str]]:
        """Number of rows, and the loads that they came with."""
        rows = self._cursor.execute(f"SELECT count(*) FROM raw.{table}").fetchall()[0][0]
        known = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'ops' AND table_name = 'loads'"
        if self._cursor.execute(known).fetchall():
            found = self._cursor.execute(
                "SELECT DISTINCT load_id FROM ops.loads WHERE table_name = ?", [table]
            ).fetchall()
            if found:
                return int(rows), sorted(str(row[0]) for row in found)
        found = self._cursor.execute(f"SELECT DISTINCT _load_id FROM raw.{table}").fetchall()
        return int(rows), sorted(str(row[0]) for row in found)

    def rows_of(self, table: str, loads: Sequence[str]) -> int:
        """Number of rows of some loads."""
        query = f"SELECT count(*) FROM raw.{table} WHERE {_among(loads)}"
        return int(self._cursor.execute(query).fetchall()[0][0])

    def usual_lag(self) -> int:
        """The most frequent delay in days among the first rows: a guess that only speed depends on."""
        found = self._cursor.execute(
            "SELECT greatest(0, date_diff('day', occurred_at, known_at)) AS lag, count(*) AS n FROM "
            "(SELECT occurred_at, known_at FROM raw.usage LIMIT 200000) "
            "GROUP BY 1 ORDER BY n DESC, lag LIMIT 1"
        ).fetchall()
        return int(found[0][0] or 0) if found else 0

    def usage_days(self, loads: Sequence[str] | None) -> tuple[int, int] | None:
        """First and last day of usage, None if there is none."""
        where = "" if loads is None else f" WHERE {_among(loads)}"
        low, high = self._cursor.execute(
            f"SELECT min(occurred_at) - DATE '1970-01-01', max(occurred_at) - DATE '1970-01-01' "
            f"FROM raw.usage{where}"
        ).fetchall()[0]
        return None if low is None else (int(low), int(high))

    def scan_usage(self, loads: Sequence[str] | None, days: tuple[int, int] | None) -> Iterator[Any]:
        """Hand over usage in Arrow batches: hashed account, user, feature; events, day, known_at in us."""
        conditions = ["events > 0"] if loads is None else ["events > 0", _among(loads)]  # 0 is no activity
        if days is not None:
            conditions.append(
                f"occurred_at BETWEEN DATE '1970-01-01' + {days[0]} AND DATE '1970-01-01' + {days[1]}"
            )
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._cursor.sql(
            "SELECT hash(account_id) AS a, hash(user_id) AS u, hash(feature) AS f, events::DOUBLE AS e, "
            "(occurred_at - DATE '1970-01-01')::INTEGER AS d, epoch_us(known_at) AS k "
            f"FROM raw.usage{where}"
        )
        yield from rows.to_arrow_reader(BATCH)

    # -- what lets a small table be brought up to date instead of being read again

    def sums(self, table: str) -> list[int] | None:
        """Number of rows of a table, and sums over them that change when a row does; None if unmarked."""
        measures = self._marks(table)
        if measures is None:
            return None
        row = self._cursor.execute(f"SELECT {measures} FROM raw.{table}").fetchall()[0]
        return [int(value) for value in row]

    def marks(self, table: str, *, only_numbered: bool = False) -> Columns | None:
        """The `sums` of each numbered account's rows; account -1 stands for all others, if wanted."""
        measures = self._marks(table)
        if measures is None:
            return None
        join = "JOIN" if only_numbered else "LEFT JOIN"
        query = (
            f"SELECT coalesce(n.account, -1)::INTEGER AS account, {measures} "
            f"FROM raw.{table} t {join} {NUMBERS} n USING (account_id) GROUP BY 1"
        )
        return columns_of(self._cursor.sql(query).to_arrow_table())

    def rows_without_account(self, table: str, loads: Sequence[str]) -> list[int]:
        """The `sums` of the rows of some loads whose account has no number."""
        query = (
            f"SELECT {self._marks(table)} FROM raw.{table} t "
            f"ANTI JOIN {NUMBERS} n USING (account_id) WHERE {_among(loads)}"
        )
        return [int(value) for value in self._cursor.execute(query).fetchall()[0]]

    def touched(self, loads: Mapping[str, Sequence[str]]) -> Any:
        """Numbers of the accounts that rows of these loads are about.

        Args:
            loads: Table -> loads. A row about a contact also touches the accounts of all other rows,
                in any of these tables, about the same contact.
        """
        people = [name for name in ("contacts", "contact_changes") if name in loads]
        about = " UNION ".join(
            f"SELECT contact_id FROM raw.{name} WHERE {_among(loads[name])}" for name in people
        )
        parts = []
        for name, mine in loads.items():
            parts.append(f"SELECT account_id FROM raw.{name} WHERE {_among(mine)}")
            if people and len(loads) > 1:
                parts.append(f"SELECT account_id FROM raw.{name} WHERE contact_id IN ({about})")
        query = (
            f"SELECT DISTINCT n.account FROM ({' UNION '.join(parts)}) JOIN {NUMBERS} n USING (account_id)"
        )
        return self._cursor.sql(query).to_arrow_table().column("account").to_numpy()

    def _marks(self, table: str) -> str | None:
        described = self._cursor.execute(f"SELECT column_name FROM (DESCRIBE raw.{table})").fetchall()
        columns = {row[0] for row in described}
        if not {"_load_id", "_row", "account_id"} <= columns:
            return None
        amounts = _changed_in_place(columns)
        added = " + ".join(
            f"coalesce(TRY_CAST({name} * 10000 AS HUGEINT) % {LARGEST}, 0)" for name in amounts
        )
        return (
            f"count(*) AS rows, coalesce(sum(_row), 0)::BIGINT AS places, "
            f"coalesce(sum({added or '0'}), 0)::BIGINT AS amounts"
        )


def _changed_in_place(columns: set[str]) -> list[str]:
    """Columns whose values change without a load: amounts by a corrected rate, sentiment by a reader."""
    amounts = columns & {"arr", "amount"} if "_given_in" in columns else set()
    read = columns & {"sentiment"} if "_read_by" in columns else set()
    return sorted(amounts | read)


def _among(loads: Sequence[str]) -> str:
    quoted = ", ".join("'" + load.replace("'", "''") + "'" for load in loads)
    return f"_load_id IN ({quoted})" if loads else "false"


def columns_of(answer: pa.Table) -> Columns:
    """An Arrow table as NumPy arrays."""
    return {
        name: answer.column(name).combine_chunks().to_numpy(zero_copy_only=False)
        for name in answer.column_names
    }
