"""Bulk exports: JSON lines, or a zip of gzipped JSON lines, become one flat Parquet file per window.

The rows never pass through Python: DuckDB reads the lines, takes out the fields that are kept, drops events
that the vendor sent twice, and writes Parquet whose columns carry the dotted names that a mapping uses.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import DataContractError, suggest
from customer_health.sources.asking.faults import SourceBusyError
from customer_health.sources.asking.field_types import FieldTypes
from customer_health.warehouse.connect import seal
from customer_health.warehouse.contracts import identifier, literal
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

_LINE = 64 << 20  # bytes; the longest event that is read


def unpack(answer: Path, kind: str, folder: Path) -> list[Path]:
    """Return the files of JSON lines that an export consists of.

    Raises:
        SourceBusyError: The archive is cut off; the next try asks for it again.
    """
    if kind == "jsonl":
        return [answer]
    files = []
    try:
        with zipfile.ZipFile(answer) as archive:
            for number, member in enumerate(archive.infolist()):
                if member.is_dir():
                    continue
                file = folder / f"member-{number:05d}.jsonl"
                with archive.open(member) as packed, file.open("wb") as plain:
                    lines = gzip.GzipFile(fileobj=packed) if member.filename.endswith(".gz") else packed
                    shutil.copyfileobj(lines, plain, 1 << 20)
                files.append(file)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise SourceBusyError(
            f"The export cannot be unpacked: {type(error).__name__}.", hint="It is asked for again."
        ) from None
    return files


def to_parquet(
    files: Sequence[Path],
    target: Path,
    *,
    keep: Sequence[str],
    key: str,
    requires: Sequence[str],
    what: str,
    types: FieldTypes,
) -> int:
    """Write the kept fields of all lines to one Parquet file; return how many rows it holds.

    Args:
        files: JSON lines.
        target: The file to write.
        keep: Dotted names of fields; each becomes a column of that name.
        key: Of several lines with the same key one is kept; empty keeps all.
        requires: Fields that every line has.
        what: For messages.
        types: Of the fields that every line has.

    Raises:
        SourceBusyError: A line is cut off.
        DataContractError: A field that every line has is missing, or its type has changed.
    """
    import duckdb

    with duckdb.connect(config={"memory_limit": "512MB", "threads": 1}) as con:
        seal(con, [target.parent, *(file.parent for file in files)])
        if not files or not any(file.stat().st_size for file in files):
            columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in keep)
            con.execute(f"COPY (SELECT {columns} WHERE false) TO {literal(target)} (FORMAT parquet)")
            return 0
        listed = ", ".join(literal(file) for file in files)
        lines = (
            f"(SELECT json AS j FROM read_json_objects([{listed}], format = 'newline_delimited', "
            f"maximum_object_size = {_LINE}))"
        )
        columns = ", ".join(
            f"json_extract_string(j, {literal(_path(name))}) AS {identifier(name)}" for name in keep
        )
        once = f" QUALIFY row_number() OVER (PARTITION BY {identifier(key)}) = 1" if key else ""
        try:
            con.execute(
                f"COPY (SELECT {columns} FROM {lines}{once}) TO {literal(target)} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
            if requires:
                _hold_against(con, lines, requires, what, types)
        except duckdb.Error as error:
            target.unlink(missing_ok=True)
            raise SourceBusyError(
                f"{what}: the export is cut off or no JSON ({str(error).splitlines()[0][:120]}).",
                hint="It is asked for again.",
            ) from None
        rows = con.execute(f"SELECT count(*) FROM read_parquet({literal(target)})").fetchone()
        return int(rows[0]) if rows else 0


def _hold_against(
    con: duckdb.DuckDBPyConnection, lines: str, requires: Sequence[str], what: str, types: FieldTypes
) -> None:
    looked = ", ".join(
        f"count(*) FILTER (NOT json_exists(j, {path})), list(DISTINCT json_type(j, {path}))"
        for path in (literal(_path(name)) for name in requires)
    )
    answers = con.execute(f"SELECT {looked} FROM {lines}").fetchall()[0]
    for name, missing, found in zip(requires, answers[::2], answers[1::2], strict=True):
        if missing:
            head = con.execute(f"SELECT json_keys(j) FROM {lines} LIMIT 1").fetchall()[0][0]
            raise DataContractError(
                f"{what}: {plural(missing, 'record has', 'records have')} no field '{name}'; it was "
                "renamed, or the credentials may no longer read it. Nothing of this reading was kept.",
                hint=suggest(name, head),
            )
        types.hold_json(name, found or ())


def _path(name: str) -> str:
    """Return the JSON path of a dotted name; parts are quoted, as `$insert_id` has a sign of the language."""
    return "$" + "".join(f'."{part}"' for part in name.split("."))
