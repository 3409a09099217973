"""Files inside other files: zip archives and Excel workbooks, as the text that they hold."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from customer_health.errors import DataContractError

BOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_JOINED = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")


def unzipped(path: Path, scratch: Path, kinds: tuple[str, ...]) -> Path:
    """Unpack an archive into `scratch` and return the one file that it makes.

    Several files of text are joined, one behind the other; of CSV all must have the same header.

    Raises:
        DataContractError: It is damaged, empty, or holds files that are not one table.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
            kept = [n for n in names if Path(n.removesuffix(".gz")).suffix.lower() in kinds]
            endings = {
                "".join(Path(n).suffixes[-2:] if n.endswith(".gz") else Path(n).suffixes[-1:]) for n in kept
            }
            if not kept or len(endings) > 1:
                shown = ", ".join(names[:6]) or "nothing"
                raise DataContractError(
                    f"{path.name} holds {shown}: not the files of one table.",
                    hint=f"Unpack it, or pack only files of one kind: {', '.join(kinds)}.",
                )
            (ending,) = endings
            inside = scratch / f"inside{ending.lower()}"
            if len(kept) == 1:
                with archive.open(kept[0]) as source, inside.open("wb") as target:
                    shutil.copyfileobj(source, target)
                return inside
            _join(archive, path, kept, inside)
            return inside
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataContractError(
            f"{path.name} cannot be unpacked: {error}", hint="Copy the file again."
        ) from None


def _ending(name: str) -> str:
    return "".join(Path(name).suffixes[-2:] if name.endswith(".gz") else Path(name).suffixes[-1:])


def _join(archive: zipfile.ZipFile, path: Path, names: list[str], inside: Path) -> None:
    kind = Path(inside.name.removesuffix(".gz")).suffix
    if kind not in _JOINED or (inside.suffix == ".gz" and kind in (".csv", ".tsv", ".txt")):
        raise DataContractError(
            f"{path.name} holds {len(names)} files, such as {names[0]}, that cannot be joined.",
            hint="Unpack it into a folder, and name the files by a pattern.",
        )
    head: bytes | None = None
    with inside.open("wb") as target:
        for name in sorted(names):
            with archive.open(name) as source:
                if kind in (".csv", ".tsv", ".txt"):
                    first = source.readline()
                    if head is None:
                        target.write(first)
                    elif first.rstrip() != head.rstrip():
                        raise DataContractError(
                            f"{path.name}: {name} has another header than {sorted(names)[0]}.",
                            hint="Unpack it, and map the files one by one.",
                        )
                    head = first
                shutil.copyfileobj(source, target)
            if inside.suffix != ".gz":
                target.write(b"\n")


def rows_of_book(path: Path, sheet: str | None) -> Iterator[list[str | None]]:
    """Yield the rows of a workbook's sheet as text, the header first; dates as ISO, numbers without `.0`.

    Raises:
        DataContractError: It is damaged, or several sheets hold rows and none is named.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        filled = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        filled = {name: one for name, one in filled.items() if one.height}
        if sheet is None and len(filled) > 1:
            raise DataContractError(
                f"{path.name} has several sheets: {', '.join(filled)}.",
                hint="Name one beside `files:`, as in `records: " + next(iter(filled)) + "`.",
            )
        chosen = filled.get(sheet) if sheet is not None else next(iter(filled.values()), None)
        if sheet is not None and chosen is None:
            raise DataContractError(
                f"{path.name} has no sheet '{sheet}' with rows.",
                hint=f"Sheets: {', '.join(filled) or 'none'}.",
            )
        for row in chosen.iter_rows() if chosen is not None else ():
            yield [_text(cell) for cell in row]
    except (CalamineError, OSError) as error:
        raise DataContractError(
            f"{path.name} cannot be read: {error}", hint="Save it again as .xlsx."
        ) from None


def _text(cell: Any) -> str | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return f"{cell.total_seconds():g} s"
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)
