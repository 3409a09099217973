"""Put rows into raw.*, each file once.

A file is the unit of loading: its rows replace whatever an earlier state of the same file had left. What was
loaded is remembered in ops.files by size, time and content, so an unchanged file costs one look at its
directory entry. Files of ordinary size go through dlt, which merges by file; large ones take the engine's own
columnar INSERT ... SELECT, because a gigabyte of Parquet gains nothing from being rewritten twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.sources.date_advice import advise_on_dates
from customer_health.sources.dlt_merge import merge
from customer_health.sources.feed_sql import Compiled
from customer_health.sources.files import ROW, Readable
from customer_health.sources.known_files import KnownFiles
from customer_health.sources.locate import DataFile
from customer_health.sources.lookups import NOT_AMONG
from customer_health.sources.mapping_check import identity
from customer_health.sources.once import Once
from customer_health.sources.reading_notes import notes_of
from customer_health.sources.source import LoadResult
from customer_health.warehouse.contracts import IN_THE_FUTURE, UNKNOWN_ACCOUNT, identifier, literal
from customer_health.warehouse.raw import column_list, first, next_load_id, scalar
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

BULK_ROWS = 50_000
"""Files with more rows than this take the columnar path."""

_FLUSH_ROWS = 400_000
_UNREADABLE = (
    "Fix the value in the source, or correct the column's rule in the mapping; then load the file again."
)
_BROKEN_LINE = "Fix the line (a field too many or too few, or a stray quote), then load the file again."


@dataclass(frozen=True)
class Unit:
    """One file on its way into one canonical table.

    Attributes:
        recipe: Digest of the rules that apply; a changed mapping loads the file again.
        repeats: What a repeated key means (mapping.Feed.repeats).
        place: Where the file stands among the feed's: the newest has the greatest (file_order.place_of).
        feed: The pattern that found it.
    """

    table: Table
    file: DataFile
    recipe: str
    repeats: str
    place: str
    feed: str


@dataclass
class _Pending:
    unit: Unit
    rows: Any
    rejected: int
    encoding: str
    bad: list[str]


class Landing:
    """One load of one source.

    Args:
        con: The warehouse.
        source: Name of the source.
        as_of: The day of the run.
        state: Folder for dlt's working files.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str, as_of: date, state: Path) -> None:
        self.con, self.source, self.as_of, self._state = con, source, as_of, state
        self.load_id = next_load_id(con)
        self.result = LoadResult(source)
        self._pending: list[_Pending] = []
        self._buried: set[str] = set()
        self.once = Once(con, source)
        self._known = KnownFiles(con, source)

    def is_loaded(self, unit: Unit) -> bool:
        """Whether this file, in this state and by these rules, is in the table already.

        A file whose rows wait in quarantine for an account that exists by now, or for a day that has
        come by now, is not: it is loaded again so that they are not lost.
        """
        known = self._known.of(unit.table.name).get(unit.file.name)
        if known is None or known[3] != unit.recipe or known[0] != unit.file.size:
            return False
        if known[1] != unit.file.modified and known[2] != unit.file.sha256():
            return False
        if self._can_be_released(unit):
            return False
        load = self.result.of(unit.table.name)
        load.skipped += known[4]
        load.files_skipped += 1
        return True

    def waiting_for_lookup(self, unit: Unit) -> list[str]:
        """Return the values that rows of a file could not be translated from."""
        if not self._known.has_waiting(unit.table.name, unit.file.name):
            return []
        rows = self.con.execute(
            "SELECT DISTINCT value FROM quarantine.rows WHERE table_name = ? AND source = ? AND file = ? "
            f"AND value IS NOT NULL AND contains(reason, {literal(NOT_AMONG)})",
            [unit.table.name, self.source, unit.file.name],
        ).fetchall()
        return [value for (value,) in rows]

    def has_changed(self, table: Table, file: DataFile) -> bool:
        """Whether a file that is loaded has another content by now."""
        known = self._known.of(table.name).get(file.name)
        if known is None or known[:2] == (file.size, file.modified):
            return False
        return bool(known[2] != file.sha256())

    def forget(self, table: Table, files: Collection[str]) -> None:
        """Let files of named events be loaded again."""
        self.once.forget(table.name, files)
        self._known.changed(table.name)

    def _can_be_released(self, unit: Unit) -> bool:
        if not self._known.has_waiting(unit.table.name, unit.file.name):
            return False
        waiting = first(
            self.con,
            f"""SELECT 1 FROM quarantine.rows q
            WHERE table_name = ? AND source = ? AND file = ? AND (
                (contains(reason, {literal(UNKNOWN_ACCOUNT)})
                 AND EXISTS (SELECT 1 FROM raw.accounts a WHERE a.account_id = q.value
                             OR (len(q.value) IN (15, 18) AND a.account_id[:15] = q.value[:15])
                             OR contains(a.merged_ids, q.value)))
                OR (contains(reason, {literal(IN_THE_FUTURE)})
                    AND TRY_CAST(value AS TIMESTAMP) <= CAST(? AS DATE) + INTERVAL 1 DAY)) LIMIT 1""",
            [unit.table.name, self.source, unit.file.name, self.as_of],
        )
        return waiting is not None

    def land(self, unit: Unit, readable: Readable, compiled: Sequence[Compiled]) -> None:
        """Land the rows of one file; small ones wait for `flush`."""
        for feed in compiled:
            self.result.notes += notes_of(self.con, unit.table.name, unit.file.name, feed)
        bad = [feed.bad for feed in compiled if feed.bad]
        self._bury(unit, compiled)
        if readable.rows > BULK_ROWS:
            self._land_in_bulk(unit, readable, compiled, bad)
            return
        rows = self.con.sql(self._select(unit, compiled)).to_arrow_table() if compiled else None
        self.once.claim(unit.table.name, unit.file.name, [feed.events for feed in compiled])
        pending = _Pending(unit, rows, 0, readable.encoding, bad)
        # The readable's temporary files go away with the caller: what is quarantined is taken now.
        self._begin_quarantine(pending, readable)
        self._pending.append(pending)
        if sum(item.rows.num_rows for item in self._pending if item.rows is not None) > _FLUSH_ROWS:
            self.flush()

    def _bury(self, unit: Unit, compiled: Sequence[Compiled]) -> None:
        """Remember which records the file says are gone; `flush` takes their earlier states out."""
        key = [self.source, unit.table.name, unit.file.name]
        self.con.execute("DELETE FROM ops.gone WHERE source = ? AND table_name = ? AND file = ?", key)
        for feed in compiled:
            if feed.gone:
                self.con.execute(f"INSERT INTO ops.gone SELECT ?, ?, ?, key FROM ({feed.gone})", key)
        self._buried.add(unit.table.name)

    def _take_out(self) -> None:
        """Take out what is gone: states of a record in files no newer than the one that says so."""
        for name in sorted(self._buried):
            known_by = identity(TABLES[name])
            if known_by is not None:
                self.con.execute(
                    f"DELETE FROM raw.{name} t USING ops.gone g, ops.files a, ops.files b "
                    "WHERE g.source = ? AND g.table_name = ? AND t._source = g.source "
                    f"AND t.{identifier(known_by)} = g.key "
                    "AND (a.source, a.table_name, a.file) = (g.source, g.table_name, t._file) "
                    "AND (b.source, b.table_name, b.file) = (g.source, g.table_name, g.file) "
                    # Files of one folder follow on each other; a folder of deleted records always counts.
                    "AND (coalesce(a.place, a.file) <= coalesce(b.place, b.file) "
                    "OR split_part(t._file, '/', 1) <> split_part(g.file, '/', 1))",
                    [self.source, name],
                )
        self._buried = set()

    def flush(self) -> None:
        """Hand everything that waits to dlt, then remember it as loaded."""
        filled = [item for item in self._pending if item.rows is not None and item.rows.num_rows]
        # dlt replaces the rows of files that it is given; a file that became empty is not among them.
        emptied = [item for item in self._pending if item not in filled]
        for item in emptied:
            self._delete_earlier(item.unit)
        if filled:
            merge(self.con, [(item.unit.table.name, item.rows) for item in filled], self._state)
        for item in self._pending:
            self.con.execute("BEGIN")
            self._remember(item.unit, item.rows.num_rows if item.rows is not None else 0, item, "dlt")
            self.con.execute("COMMIT")
        self._pending = []
        self._take_out()

    def _land_in_bulk(
        self, unit: Unit, readable: Readable, compiled: Sequence[Compiled], bad: list[str]
    ) -> None:
        self.con.execute("BEGIN")
        try:
            self._delete_earlier(unit)
            into = f"INSERT INTO raw.{unit.table.name} ({column_list(unit.table)})"
            inserted = scalar(self.con, f"{into} {self._select(unit, compiled)}")
            self.once.claim(unit.table.name, unit.file.name, [feed.events for feed in compiled])
            pending = _Pending(unit, None, 0, readable.encoding, bad)
            self._begin_quarantine(pending, readable)
            self._remember(unit, inserted, pending, "columnar")
        except BaseException:
            self.con.execute("ROLLBACK")
            raise
        self.con.execute("COMMIT")

    def gone(self, table: Table, present: Sequence[str]) -> list[str]:
        """Files that once filled a table and are not in the folder any more."""
        known = self.con.execute(
            "SELECT file FROM ops.files WHERE source = ? AND table_name = ? ORDER BY 1",
            [self.source, table.name],
        ).fetchall()
        return [file for (file,) in known if file not in present]

    def keep(self, table: Table, file: str) -> None:
        """Say that the rows of a file that is gone stay."""
        rows = plural(self._rows_of(table, file), "row stays", "rows stay")
        self.result.notes.append(
            f"{table.name}: {file} is gone from the folder and its {rows}. Write "
            "`removed_files: keep` in the mapping if that is meant, or `retire` if they are to go too."
        )

    def retire(self, table: Table, file: str) -> None:
        """Take out the rows of a file that is gone, and forget the file."""
        rows, key = self._rows_of(table, file), [self.source, file, table.name]
        self.con.execute("BEGIN")
        self.con.execute(f"DELETE FROM raw.{table.name} WHERE _source = ? AND _file = ?", key[:2])
        self.con.execute("DELETE FROM quarantine.rows WHERE source = ? AND file = ? AND table_name = ?", key)
        self.con.execute("DELETE FROM ops.files WHERE source = ? AND file = ? AND table_name = ?", key)
        self.con.execute("DELETE FROM ops.events WHERE source = ? AND file = ? AND table_name = ?", key)
        self.con.execute("COMMIT")
        self._known.changed(table.name)
        self.result.notes.append(
            f"{table.name}: {file} is gone from the folder; its {plural(rows, 'row is', 'rows are')} too."
        )

    def is_copy(self, unit: Unit, present: Collection[str]) -> bool:
        """Whether another file with the same content is loaded; then this one is not, and the log says so.

        Args:
            unit: A file that is not loaded in this state.
            present: Files whose rows stay, whether they are still in the folder or not.
        """
        if unit.repeats not in ("add", "sum", "report"):
            return False  # the newest file wins, whatever it holds
        here = [(item.unit.file, item.unit) for item in self._pending if item.unit.table is unit.table]
        digest = unit.file.sha256()
        twins = [file.name for file, other in here if other.recipe == unit.recipe and file.sha256() == digest]
        twins += self.once.twins(unit.table.name, unit.file.name, digest, unit.recipe)
        first_ = next((name for name in twins if name in present), None)
        if first_ is None:
            return False
        if self._earlier(unit):
            self.retire(unit.table, unit.file.name)
        self.result.of(unit.table.name).files_skipped += 1
        self.result.notes.append(
            f"{unit.table.name}: {unit.file.name} has the content of {first_}, which counts once."
        )
        return True

    def _rows_of(self, table: Table, file: str) -> int:
        found = scalar(
            self.con,
            f"SELECT count(*) FROM raw.{table.name} WHERE _source = ? AND _file = ?",
            [self.source, file],
        )
        return int(found)

    def _select(self, unit: Unit, compiled: Sequence[Compiled]) -> str:
        names = ", ".join(identifier(name) for name in unit.table.columns)
        provenance = (
            f"{literal(self.source)} AS _source, {literal(unit.file.name)} AS _file, "
            f"CAST({ROW} AS BIGINT) AS _row, {literal(self.load_id)} AS _load_id"
        )
        goods = [feed.good for feed in compiled if feed.good]
        return " UNION ALL ".join(f"SELECT {names}, {provenance} FROM ({good})" for good in goods)

    def _delete_earlier(self, unit: Unit) -> None:
        if self._earlier(unit):
            self.con.execute(
                f"DELETE FROM raw.{unit.table.name} WHERE _source = ? AND _file = ?",
                [self.source, unit.file.name],
            )

    def _earlier(self, unit: Unit) -> bool:
        return (
            first(
                self.con,
                "SELECT 1 FROM ops.files WHERE source = ? AND file = ? AND table_name = ?",
                [self.source, unit.file.name, unit.table.name],
            )
            is not None
        )

    def _begin_quarantine(self, pending: _Pending, readable: Readable) -> None:
        """Replace what earlier states of the file had left in quarantine."""
        unit = pending.unit
        self.con.execute(
            "DELETE FROM quarantine.rows WHERE table_name = ? AND source = ? AND file = ?",
            [unit.table.name, self.source, unit.file.name],
        )
        head = f"{literal(unit.table.name)}, {literal(self.source)}, {literal(unit.file.name)}"
        for bad in pending.bad:
            pending.rejected += scalar(
                self.con,
                f"INSERT INTO quarantine.rows SELECT {head}, row_number, column_name, value, "
                f"column_name || ' ' || reason, {literal(_UNREADABLE)}, record, {literal(self.load_id)} "
                f"FROM ({bad})",
            )
        rows = pending.rows
        read = rows.num_rows if rows is not None else self._rows_of(unit.table, unit.file.name)
        advise_on_dates(self.con, unit.table, self.source, unit.file.name, others=read > 0)
        for line in readable.broken:
            self.con.execute(
                f"INSERT INTO quarantine.rows VALUES ({head}, ?, NULL, NULL, ?, ?, ?, ?)",
                [line.number, line.reason, _BROKEN_LINE, line.text[:2000], self.load_id],
            )
        pending.rejected += len(readable.broken)

    def _remember(self, unit: Unit, rows: int, pending: _Pending, route: str) -> None:
        load = self.result.of(unit.table.name)
        earlier = self._earlier(unit)
        if earlier:
            load.updated += rows
        else:
            load.new += rows
        load.quarantined += pending.rejected
        load.files += 1
        self.result.load_id = self.load_id
        key = [self.source, unit.file.name, unit.table.name]
        self.con.execute("DELETE FROM ops.files WHERE source = ? AND file = ? AND table_name = ?", key)
        self.con.execute(
            "INSERT INTO ops.files (source, file, table_name, size, modified, sha256, recipe, encoding, "
            f"repeats, rows, rejected, load_id, place, feed) VALUES ({', '.join(14 * '?')})",
            [
                *key,
                unit.file.size,
                unit.file.modified,
                unit.file.sha256(),
                unit.recipe,
                pending.encoding,
                unit.repeats,
                rows,
                pending.rejected,
                self.load_id,
                unit.place,
                unit.feed,
            ],
        )
        self.con.execute(
            "INSERT INTO ops.loads VALUES (?, ?, ?, ?, ?, ?, ?, false)",
            [self.load_id, self.as_of, self.source, unit.table.name, unit.file.name, rows, route],
        )
