"""Make any data file readable by the warehouse: as a relation with known columns and row numbers.

Parquet is read where it lies. Text (CSV, TSV, JSON lines; gzipped or not) is rewritten in batches into
temporary Parquet of plain strings, which keeps memory flat, row numbers exact and broken lines visible.
Very large clean CSV is left to the engine's own parallel reader.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.sources import text_files
from customer_health.sources.json_pages import json_records
from customer_health.sources.mapping import Reading
from customer_health.sources.packed import BOOKS, rows_of_book, unzipped
from customer_health.sources.unnesting import unnested
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.raw import scalar
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

ROW = "__row"
TEXT = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")
KINDS = (*TEXT, ".parquet", ".pq", ".zip", *BOOKS)
_BATCH = 50_000
LARGE_TEXT = 256 << 20  # bytes of plain UTF-8 CSV above which the engine's own reader takes over


@dataclass(frozen=True)
class Readable:
    """A file as the warehouse sees it.

    Attributes:
        relation: What to select from; it has `columns` and the row's number as `__row`.
        columns: Name -> type of the engine, in the file's order.
        rows: How many rows can be read.
        broken: Lines that cannot be read.
        encoding: How it was decoded; empty for binary formats.
        spelled: Name in `columns` -> name in the file, where the engine cannot keep two apart: id and ID.
        delimiter: Of the fields of a text file; empty for others.
    """

    relation: str
    columns: Mapping[str, str]
    rows: int
    broken: tuple[text_files.BrokenLine, ...] = ()
    encoding: str = ""
    spelled: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""

    def named(self, name: str) -> str | None:
        """Return the key in `columns` of a name: exactly this one, else the only one in another case."""
        names = {self.spelled.get(column, column).strip(): column for column in self.columns}
        if name.strip() in names:
            return names[name.strip()]
        near = [column for shown, column in names.items() if shown.casefold() == name.strip().casefold()]
        return near[0] if len(near) == 1 else None

    def names(self) -> list[str]:
        """Return the columns as the file spells them."""
        return [self.spelled.get(column, column) for column in self.columns]

    def unnested(self, path: str, wanted: Iterable[str]) -> Readable:
        """Return one row per element of the list in a column, with what is wanted of parent and element."""
        if not self.columns:
            return self
        read = self.with_columns((path,))
        names = tuple(wanted)
        relation = unnested(read.relation, tuple(read.columns), path, names, ROW)
        below = [name for name in names if name.startswith(f"{path}.")]
        return replace(read, relation=relation, columns={**read.columns, **dict.fromkeys(below, "VARCHAR")})

    def with_columns(self, names: Iterable[str]) -> Readable:
        """Return the same file with an empty column for each name that it does not have."""
        known = {name.strip().casefold() for name in self.columns}
        absent = [name for name in names if name.strip().casefold() not in known]
        if not absent or not self.columns:
            return self
        empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in dict.fromkeys(absent))
        relation = f"(SELECT *, {empty} FROM {self.relation})"
        return replace(self, relation=relation, columns={**self.columns, **dict.fromkeys(absent, "VARCHAR")})


@dataclass
class _Spill:
    """Batches of records written as Parquet of strings."""

    folder: Path
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    parts: list[Path] = field(default_factory=list)
    _kept_as: dict[str, str] = field(default_factory=dict)

    def add(self, numbers: list[int], columns: dict[str, list[str | None]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        data: dict[str, Any] = {self._keep(name): pa.array(v, pa.string()) for name, v in columns.items()}
        self.columns.update(dict.fromkeys(data, "VARCHAR"))
        data[ROW] = pa.array(numbers, pa.int64())
        self.parts.append(self.folder / f"part-{len(self.parts):05d}.parquet")
        pq.write_table(pa.table(data), self.parts[-1])
        self.rows += len(numbers)

    def _keep(self, name: str) -> str:
        """The name under which a column is kept: the engine takes id and ID for one."""
        if name not in self._kept_as:
            taken = {kept.casefold() for kept in self._kept_as.values()} | {ROW}
            kept, number = name, 2
            while kept.casefold() in taken:
                kept, number = f"{name} ({number})", number + 1
            self._kept_as[name] = kept
        return self._kept_as[name]

    @property
    def spelled(self) -> dict[str, str]:
        """See `Readable.spelled`."""
        return {kept: name for name, kept in self._kept_as.items() if kept != name}

    @property
    def relation(self) -> str:
        parts = ", ".join(literal(part) for part in self.parts)
        return f"read_parquet([{parts}], union_by_name = true)"


def kind_of(path: Path | str) -> str:
    """Return the file's kind by its name: its last suffix, .gz not counted."""
    path = Path(path)
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def make_readable(
    con: duckdb.DuckDBPyConnection, path: Path, reading: Reading, scratch: Path, *, most: int | None = None
) -> Readable:
    """Look into a file and return how to select from it.

    Args:
        con: The warehouse; used to describe the file.
        path: A local file.
        reading: Encoding and delimiter, where the mapping fixes them.
        scratch: An existing empty folder for temporary files of this file.
        most: Of text, read only so many records; None reads all.

    Raises:
        ConfigurationError: The kind of file is not known.
        DataContractError: The file is damaged as a whole.
    """
    kind = kind_of(path)
    if kind == ".zip":
        inside = scratch / "zip"
        inside.mkdir()
        return make_readable(
            con, unzipped(path, inside, (*TEXT, ".parquet", ".pq")), reading, scratch, most=most
        )
    if kind in BOOKS:
        return _book(path, reading, scratch, most)
    if kind in (".parquet", ".pq"):
        return _parquet(con, path)
    if kind not in KINDS:
        raise ConfigurationError(
            f"{path.name} is of a kind that is not read ({kind or 'no suffix'}).",
            hint=f"Save it as one of: {', '.join(KINDS)} (each may be gzipped).",
        )
    try:
        encoding = reading.encoding or text_files.encoding_of(path, whole=most is None)
        if text_files.looks_binary(path, encoding):
            raise DataContractError(
                f"{path.name} is not text in {encoding}: it holds binary data.",
                hint=f"Export it as {kind[1:]} again; if it is UTF-16 text, write `encoding: utf-16`.",
            )
        if kind in (".jsonl", ".ndjson", ".json"):
            return _json(path, encoding, reading.records, scratch, most)
        return _csv(con, path, reading, encoding, scratch, most)
    except (OSError, EOFError) as error:
        raise DataContractError(f"{path.name} cannot be read: {error}", hint="Copy the file again.") from None


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Readable:
    import duckdb
    import pyarrow.parquet as pq

    source = f"read_parquet({literal(path)}, file_row_number = true)"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        counted = scalar(con, f"SELECT count(*) FROM read_parquet({literal(path)})")
    except duckdb.Error as error:
        raise DataContractError(
            f"{path.name} is not a readable Parquet file: {str(error).splitlines()[0]}",
            hint="Copy the file again.",
        ) from None
    kept = [row[0] for row in described if row[0] != "file_row_number"]
    fields = dict(zip(kept, pq.read_schema(path), strict=True))
    spelled = {name: field.name for name, field in fields.items() if name != field.name}
    inside = [part for name, field in fields.items() for part in _inside(identifier(name), field)]
    parts = "".join(f", {sql} AS {identifier(name)}" for name, sql in inside)
    relation = f"(SELECT * EXCLUDE (file_row_number){parts}, file_row_number + 1 AS {ROW} FROM {source})"
    columns = {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    columns.pop(ROW)
    return Readable(relation, columns, counted, spelled=spelled)


def _inside(sql: str, field: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields inside a struct, with dots in their names, as JSON has them: ticket.id."""
    import pyarrow as pa

    if not pa.types.is_struct(field.type):
        return
    for one in field.type:
        inner = f"struct_extract({sql}, {literal(one.name)})"
        named = one.with_name(f"{field.name}.{one.name}")
        if pa.types.is_struct(one.type):
            yield from _inside(inner, named)
        else:
            yield named.name, inner


def _csv(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    reading: Reading,
    encoding: str,
    scratch: Path,
    most: int | None,
) -> Readable:
    delimiter = reading.delimiter or (
        "\t" if kind_of(path) == ".tsv" else text_files.delimiter_of(path, encoding)
    )
    if (
        encoding == "utf-8"
        and path.suffix != ".gz"
        and path.stat().st_size > LARGE_TEXT
        and _begins_with_header(path)
    ):
        return _large_csv(con, path, delimiter)
    spill, broken = _Spill(scratch), []
    with text_files.open_text(path, encoding) as lines:
        skipped, head = text_files.header_line(lines)
        header = text_files.header_of(next(csv.reader([head], delimiter=delimiter), []))
        if not header:
            return Readable("", {}, 0, encoding=encoding)
        parsed = islice(text_files.records(iter(lines), delimiter, first_line=2 + skipped), most)
        while batch := list(islice(parsed, _BATCH)):
            numbers, rows = [], []
            for item in batch:
                if isinstance(item, text_files.BrokenLine):
                    broken.append(item)
                    continue
                number, row = item
                if len(row) != len(header):
                    if not any(row):
                        continue
                    if any(row[len(header) :]) or len(row) < len(header):
                        reason = (
                            f"the line has {plural(len(row), 'field')} where the header has {len(header)}"
                        )
                        broken.append(text_files.BrokenLine(number, delimiter.join(row), reason))
                        continue
                    row = row[: len(header)]
                numbers.append(number)
                rows.append(row)
            values = zip(*rows, strict=True) if rows else ([] for _ in header)
            spill.add(numbers, {name: list(column) for name, column in zip(header, values, strict=True)})
    if not spill.parts:
        spill.add([], {name: [] for name in header})
    lost = tuple(broken)
    return Readable(spill.relation, spill.columns, spill.rows, lost, encoding, spill.spelled, delimiter)


def _begins_with_header(path: Path) -> bool:
    with text_files.open_text(path, "utf-8") as lines:
        return text_files.header_line(lines)[0] == 0


def _book(path: Path, reading: Reading, scratch: Path, most: int | None) -> Readable:
    spill = _Spill(scratch)
    rows = rows_of_book(path, reading.records)
    header = text_files.header_of([cell or "" for cell in next(rows, [])])
    if not header:
        return Readable("", {}, 0)
    numbered = islice(enumerate(rows, start=2), most)
    while batch := [(n, row) for n, row in islice(numbered, _BATCH) if any(cell is not None for cell in row)]:
        columns = zip(*(row for _, row in batch), strict=True)
        spill.add([n for n, _ in batch], {name: list(c) for name, c in zip(header, columns, strict=True)})
    if not spill.parts:
        spill.add([], {name: [] for name in header})
    return Readable(spill.relation, spill.columns, spill.rows, spelled=spill.spelled)


def _large_csv(con: duckdb.DuckDBPyConnection, path: Path, delimiter: str) -> Readable:
    with text_files.open_text(path, "utf-8") as lines:
        header = text_files.header_of(next(csv.reader([lines.readline()], delimiter=delimiter), []))
    # Nothing is left to detection: one broken line among the first would end it.
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    options = (
        f"auto_detect = false, columns = {{{columns}}}, header = true, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"'"
    )
    source = f"read_csv({literal(path)}, {options}, store_rejects = true)"
    counted = scalar(con, f"SELECT count(*) FROM (SELECT #1 FROM {source})")
    # A line that lacks several fields is reported once for each.
    rejects = con.execute(
        "SELECT line, min(csv_line), min(error_message) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    con.execute("DROP TABLE IF EXISTS reject_errors")
    con.execute("DROP TABLE IF EXISTS reject_scans")
    broken = [
        text_files.BrokenLine(line, raw or "", (why or "").splitlines()[0]) for line, raw, why in rejects
    ]
    # Rejected lines shift the numbers of the rows behind them by one each; see docs/data_contracts.md.
    good = f"read_csv({literal(path)}, {options}, ignore_errors = true)"
    relation = f"(SELECT *, row_number() OVER () + 1 AS {ROW} FROM {good})"
    types = dict.fromkeys(header, "VARCHAR")
    return Readable(relation, types, counted, tuple(broken), "utf-8", delimiter=delimiter)


def _json(path: Path, encoding: str, records: str | None, scratch: Path, most: int | None) -> Readable:
    spill, broken = _Spill(scratch), []
    with text_files.open_text(path, encoding) as lines:
        parsed = islice(json_records(lines, records, path.name), most)
        while batch := list(islice(parsed, _BATCH)):
            rows = [item for item in batch if not isinstance(item, text_files.BrokenLine)]
            broken += [item for item in batch if isinstance(item, text_files.BrokenLine)]
            names = list(dict.fromkeys(name for _, row in rows for name in row))
            spill.add(
                [number for number, _ in rows], {name: [row.get(name) for _, row in rows] for name in names}
            )
    if not spill.parts:
        return Readable("", {}, 0, tuple(broken), encoding)
    return Readable(spill.relation, spill.columns, spill.rows, tuple(broken), encoding, spill.spelled)
