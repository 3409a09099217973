"""Usage that stays in the company's own warehouse: the same reductions, run there, only results fetched."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from customer_health.remote.company_warehouse import SourceWarehouse
from customer_health.signals.facts.grid import EPOCH
from customer_health.signals.state.daily_state import Columns
from customer_health.signals.state.table_reader import NUMBERS, Warehouse, columns_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

LARGE = 1e9  # events of one row; beyond it a sum of whole numbers could overflow


class RemoteWarehouse(Warehouse):
    """Tables of a company's warehouse, in canonical columns.

    Nothing there tells which load a row came with. So all rows that became known on one day stand for
    a load, and its name holds what they add up to: a day that changed afterwards is another load, and
    whatever was kept is then built anew.

    Args:
        source: The open connection.
        tables: Canonical table -> expression with the columns of its contract.
        rules: How the tables were made canonical; other rules, other hashes.
        until: The newest as-of date. Usage of a day that is not over yet is left for the next run.
    """

    streams = False

    def __init__(
        self,
        source: SourceWarehouse,
        tables: Mapping[str, Any],
        *,
        rules: str = "",
        until: date | None = None,
    ) -> None:
        import ibis

        self.ibis = ibis
        self.hash_version = f"pandas {rules}"
        self.without_account = 0
        self._source, self._tables, self._until = source, tables, until
        self._kept: dict[str, Any] = {}
        self._open: dict[str, int] = {}

    def raw(self, name: str, loads: Sequence[str] | None = None) -> Any:
        """A table in the columns of its contract; see `Warehouse.raw`."""
        table = self._tables[name]
        if loads is not None:
            days = [int(load.partition(":")[0]) for load in loads]
            return table.filter(_known_day(table).isin(days))
        bound = self._first_open_day(name)
        return table if bound is None else table.filter(_known_day(table) < bound)

    def keep(self, name: str, rows: pa.Table) -> Any:
        """Make a small table available to queries as a temporary table."""
        self._kept[name] = self._source.keep(name, rows)
        return self._kept[name]

    def fetch(self, expression: Any) -> Columns:
        """Run a query; numbers come as NumPy arrays (missing floats NaN), text as object arrays."""
        table = self._source.arrow(expression)
        self.rows_moved += table.num_rows
        return columns_of(table)

    def bit_or(self, column: Any) -> Any:
        """All bits of a group's whole numbers, as one number."""
        return self._source.bit_or(column)

    def hashes(self, texts: Sequence[str]) -> Any:
        """64-bit hashes of texts; engines do not agree on one, so it is computed here."""
        from pandas.util import hash_array

        return hash_array(np.asarray(texts, dtype=object)).view(np.int64)

    def check_tables(self) -> None:
        """They were looked up when they were made canonical."""

    def fingerprint(self, table: str) -> list[Any]:
        """Never the same: what changed in place in a small table cannot be told from outside."""
        return [table, secrets.token_hex(8)]

    def sums(self, table: str) -> list[int] | None:
        """None: whatever is small is read anew, for the same reason."""
        return None

    def marks(self, table: str, *, only_numbered: bool = False) -> Columns | None:
        """None, as for `sums`."""
        return None

    def loads(self, table: str) -> tuple[int, list[str]]:
        """Number of rows, and the days on which they became known."""
        found = self._days(table)
        bound = self._first_open_day(table, found)
        names, rows = [], 0
        for day, many, *sums in zip(*found.values(), strict=True):
            if bound is None or day < bound:
                names.append(":".join(str(int(part)) for part in (day, many, *sums)))
                rows += int(many)
        return rows, sorted(names)

    def rows_of(self, table: str, loads: Sequence[str]) -> int:
        """Number of rows of some loads; their names hold it."""
        return sum(int(load.split(":")[1]) for load in loads)

    def usual_lag(self) -> int:
        """The most frequent delay in days: a guess that only speed depends on."""
        usage = self.raw("usage")
        lag = _known_day(usage) - usage.occurred_at.cast("date").epoch_days().cast("int32")
        counted = usage.group_by(lag=lag).agg(n=usage.count())
        counted = counted.order_by(counted.n.desc(), counted.lag).limit(1)
        found = self.fetch(counted)["lag"]
        return max(0, int(found[0])) if len(found) else 0

    def _days(self, table: str) -> Columns:
        rows = self._tables[table]
        measures = {"rows": rows.count()}
        columns = set(rows.columns)
        if "events" in columns:
            sane = rows.events.abs() < LARGE
            thousandths = sane.ifelse(rows.events * 1000, 0.0).round().cast("int64")
            measures["events"] = thousandths.sum().cast("int64").fill_null(0)
        for name in sorted({"user_id", "feature"} & columns):
            measures[name] = rows[name].length().sum().cast("int64").fill_null(0)
        return self.fetch(rows.group_by(day=_known_day(rows)).agg(**measures))

    def _first_open_day(self, table: str, days: Columns | None = None) -> int | None:
        """First day that is not kept: the as-of date, or the newest day there if that lies later."""
        if self._until is None or table != "usage":
            return None
        if table not in self._open:
            if days is None:
                known = _known_day(self._tables[table]).max()
                newest = self.fetch(known.name("newest").as_table())["newest"]
            else:
                newest = days["day"]
            newest = newest[~np.isnan(newest.astype(float))]
            latest = int(newest.max()) if len(newest) else 0
            self._open[table] = max((self._until - EPOCH).days, latest)
        return self._open[table]


class SplitWarehouse(Warehouse):
    """The embedded warehouse, with usage elsewhere."""

    def __init__(self, con: duckdb.DuckDBPyConnection, usage: Warehouse) -> None:
        super().__init__(con)
        self._usage = usage

    @property
    def rows_moved(self) -> int:  # type: ignore[override]
        """Of usage; the rest is here."""
        return self._usage.rows_moved

    def where(self, table: str) -> Warehouse:
        """The warehouse that holds a raw table."""
        return self._usage if table == "usage" else self

    def keep(self, name: str, rows: pa.Table) -> Any:
        """Make a small table available; numbers of accounts on both sides."""
        if name == NUMBERS:
            self._usage.keep(name, rows)
        return super().keep(name, rows)


def _known_day(table: Any) -> Any:
    return table.known_at.date().epoch_days().cast("int32")
