"""Make any data file readable by the warehouse: as a relation with known columns and row numbers.

Parquet is read where it lies. Text (CSV, TSV, JSON lines; gzipped or not) is rewritten in batches into
temporary Parquet of plain strings, which keeps memory flat, row numbers exact and broken lines visible.
Very large clean CSV is left to the engine's own parallel reader.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.sources import text_files
from customer_health.sources.mapping import Reading
from customer_health.sources.unnesting import unnested
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.raw import scalar

if TYPE_CHECKING:
    import duckdb

ROW = "__row"
KINDS = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json")
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
    """

    relation: str
    columns: Mapping[str, str]
    rows: int
    broken: tuple[text_files.BrokenLine, ...] = ()
    encoding: str = ""

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

    def add(self, numbers: list[int], columns: dict[str, list[str | None]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        data: dict[str, Any] = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        data[ROW] = pa.array(numbers, pa.int64())
        self.columns.update(dict.fromkeys(columns, "VARCHAR"))
        self.parts.append(self.folder / f"part-{len(self.parts):05d}.parquet")
        pq.write_table(pa.table(data), self.parts[-1])
        self.rows += len(numbers)

    @property
    def relation(self) -> str:
        parts = ", ".join(literal(part) for part in self.parts)
        return f"read_parquet([{parts}], union_by_name = true)"


def kind_of(path: Path | str) -> str:
    """Return the file's kind by its name: its last suffix, .gz not counted."""
    path = Path(path)
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def make_readable(con: duckdb.DuckDBPyConnection, path: Path, reading: Reading, scratch: Path) -> Readable:
    """Look into a file and return how to select from it.

    Args:
        con: The warehouse; used to describe the file.
        path: A local file.
        reading: Encoding and delimiter, where the mapping fixes them.
        scratch: An existing empty folder for temporary files of this file.

    Raises:
        ConfigurationError: The kind of file is not known.
        DataContractError: The file is damaged as a whole.
    """
    kind = kind_of(path)
    if kind in (".parquet", ".pq"):
        return _parquet(con, path)
    if kind not in KINDS:
        raise ConfigurationError(
            f"{path.name} is of a kind that is not read ({kind or 'no suffix'}).",
            hint=f"Save it as one of: {', '.join(KINDS)} (each may be gzipped).",
        )
    try:
        encoding = reading.encoding or text_files.encoding_of(path)
        if text_files.looks_binary(path, encoding):
            raise DataContractError(
                f"{path.name} is not text in {encoding}: it holds binary data.",
                hint=f"Export it as {kind[1:]} again; if it is UTF-16 text, write `encoding: utf-16`.",
            )
        if kind in (".jsonl", ".ndjson", ".json"):
            return _json(path, encoding, scratch)
        return _csv(con, path, reading, encoding, scratch)
    except (OSError, EOFError) as error:
        raise DataContractError(f"{path.name} cannot be read: {error}", hint="Copy the file again.") from None


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Readable:
    import duckdb

    source = f"read_parquet({literal(path)}, file_row_number = true)"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        counted = scalar(con, f"SELECT count(*) FROM read_parquet({literal(path)})")
    except duckdb.Error as error:
        raise DataContractError(
            f"{path.name} is not a readable Parquet file: {str(error).splitlines()[0]}",
            hint="Copy the file again.",
        ) from None
    columns = {row[0]: row[1] for row in described if row[0] != "file_row_number"}
    dotted = _fields(con, source, columns)
    if dotted:
        parts = ", ".join(f"{path} AS {identifier(name)}" for name, (path, _) in dotted.items())
        source = f"(SELECT *, {parts} FROM {source})"
        columns |= {name: kind for name, (_, kind) in dotted.items()}
    relation = f"(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {ROW} FROM {source})"
    return Readable(relation, columns, counted)


def _fields(
    con: duckdb.DuckDBPyConnection, source: str, columns: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return dotted name -> SQL and type of every field inside of structs, as JSON has them."""
    if not any(kind.startswith("STRUCT") for kind in columns.values()):
        return {}
    found: dict[str, tuple[str, str]] = {}

    def walk(name: str, path: str, kind: Any) -> None:
        for child, inner in kind.children:
            deeper, at = f"{name}.{child}", f"{path}.{identifier(child)}"
            if inner.id == "struct":
                walk(deeper, at, inner)
            elif deeper not in columns:
                found[deeper] = (at, str(inner))

    relation = con.sql(f"SELECT * FROM {source} LIMIT 0")
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if kind.id == "struct":
            walk(name, identifier(name), kind)
    return found


def _csv(
    con: duckdb.DuckDBPyConnection, path: Path, reading: Reading, encoding: str, scratch: Path
) -> Readable:
    delimiter = reading.delimiter or (
        "\t" if kind_of(path) == ".tsv" else text_files.delimiter_of(path, encoding)
    )
    if encoding == "utf-8" and path.suffix != ".gz" and path.stat().st_size > LARGE_TEXT:
        return _large_csv(con, path, delimiter)
    spill, broken = _Spill(scratch), []
    with text_files.open_text(path, encoding) as lines:
        head = lines.readline()
        header = text_files.header_of(next(csv.reader([head], delimiter=delimiter), []))
        if not header:
            return Readable("", {}, 0, encoding=encoding)
        parsed = text_files.records(iter(lines), delimiter, first_line=2)
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
                        reason = f"the line has {len(row)} fields where the header has {len(header)}"
                        broken.append(text_files.BrokenLine(number, delimiter.join(row), reason))
                        continue
                    row = row[: len(header)]
                numbers.append(number)
                rows.append(row)
            values = zip(*rows, strict=True) if rows else ([] for _ in header)
            spill.add(numbers, {name: list(column) for name, column in zip(header, values, strict=True)})
    if not spill.parts:
        spill.add([], {name: [] for name in header})
    return Readable(spill.relation, spill.columns, spill.rows, tuple(broken), encoding)


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
    return Readable(relation, dict.fromkeys(header, "VARCHAR"), counted, tuple(broken), "utf-8")


def _json(path: Path, encoding: str, scratch: Path) -> Readable:
    spill, broken = _Spill(scratch), []
    with text_files.open_text(path, encoding) as lines:
        parsed = _json_records(lines)
        while batch := list(islice(parsed, _BATCH)):
            rows = [item for item in batch if not isinstance(item, text_files.BrokenLine)]
            broken += [item for item in batch if isinstance(item, text_files.BrokenLine)]
            names = list(dict.fromkeys(name for _, row in rows for name in row))
            spill.add(
                [number for number, _ in rows], {name: [row.get(name) for _, row in rows] for name in names}
            )
    if not spill.parts:
        return Readable("", {}, 0, tuple(broken), encoding)
    return Readable(spill.relation, spill.columns, spill.rows, tuple(broken), encoding)


def _json_records(lines: Any) -> Iterator[tuple[int, dict[str, str | None]] | text_files.BrokenLine]:
    start = lines.read(1)
    while start.isspace():
        start = lines.read(1)
    lines.seek(0)
    if start == "[":
        try:
            items = json.load(lines)
        except ValueError as error:
            yield text_files.BrokenLine(1, "", f"the file is not JSON: {error}")
            return
        for number, item in enumerate(items, start=1):
            yield (
                (number, flat(item))
                if isinstance(item, dict)
                else text_files.BrokenLine(number, str(item), "no object")
            )
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            yield text_files.BrokenLine(number, line, f"the line is not JSON: {error}")
            continue
        yield (
            (number, flat(item))
            if isinstance(item, dict)
            else text_files.BrokenLine(number, line, "no JSON object")
        )


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, str | None]:
    """Flatten nested objects: {"user": {"id": 1}} has the column `user.id`."""
    row: dict[str, str | None] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            row |= flat(value, f"{prefix}{name}.")
        elif value is None:
            row[prefix + name] = None
        else:
            row[prefix + name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return row
