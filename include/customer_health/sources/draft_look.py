"""A glance at one file: its columns, what they hold, and what they could be."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import DataContractError
from customer_health.sources.casting import NO, YES
from customer_health.sources.date_formats import format_of, reads
from customer_health.sources.files import Readable, make_readable
from customer_health.sources.locate import Folder
from customer_health.sources.mapping import Reading
from customer_health.sources.moments import EPOCHS
from customer_health.sources.rule_parts import Unpivot
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.table import Column, Type

if TYPE_CHECKING:
    import duckdb

SAMPLE = 2_000
DISTINCT = 1_000
_SIGN = "[A-Z]{0,2}[$€£¥₹円元]|[A-Z]{3}|kr|zł|Kč"
_SHORT = "k|K|M|MM|m|[Mm]io\\.?|[Mm]ln|[Mm]n|mi|bn|Mrd\\.?|[Tt]sd\\.?|万|億|千"
_MONEY = re.compile(
    rf"[-+(]?({_SIGN})?\s?[-+]?\d[\d.,'’ \u00a0\u2009\u202f]*-?\s?({_SHORT})?\s?({_SIGN}|%)?\)?"
)
_DECIMAL_COMMA = re.compile(r"\D*(\d{1,3}(\.\d{3})+|\d+),\d{1,2}\D*")
_DECIMAL_POINT = re.compile(r"[^0-9]*\d{1,3}((,\d{3})+[.]\d+|(,\d{3}){2,})[^0-9]*")


@dataclass(frozen=True)
class Look:
    """What a glance at one file shows: its first rows, each column profiled once.

    Attributes:
        name: Of the file.
        samples: Column -> distinct sample values, most frequent first.
        gaps: Columns with empty cells.
        native: Column -> type of the engine.
        unique: Columns without a repeated value.
        trouble: Why the file cannot be read; empty if it can.
        rows: How many rows were looked at.
        whole: Whether those are all that the file holds.
        fitting: Kind of value ("number", "boolean", "moment") -> columns that mostly hold such values.
        dates: Columns of dates -> how they are written (date_formats.format_of); None if in no one way.
        readable: The rows themselves, while the draft is made.
        cells: Column -> what stands in each of the rows that were looked at.
        unpivot: How a file with a column per period becomes rows; the look is then at those.
    """

    name: str
    samples: dict[str, list[str]]
    gaps: frozenset[str] = field(default=frozenset())
    native: dict[str, str] = field(default_factory=dict)
    unique: frozenset[str] = field(default=frozenset())
    trouble: str = ""
    rows: int = 0
    whole: bool = True
    fitting: Mapping[str, frozenset[str]] = field(default_factory=dict)
    dates: Mapping[str, str | None] = field(default_factory=dict)
    readable: Readable | None = field(default=None, compare=False, repr=False)
    cells: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False, repr=False)
    unpivot: Unpivot | None = None

    def fits(self, column: Column, name: str) -> bool:
        """Whether most values of the file's column `name` could be of a canonical column's type."""
        if column.type is Type.TEXT or not self.samples[name]:
            return True
        return name in self.fitting.get(_KINDS[column.type], ())


_KINDS = {
    Type.NUMBER: "number", Type.INTEGER: "number", Type.BOOLEAN: "boolean", Type.DATE: "moment",
    Type.TIMESTAMP: "moment",
}  # fmt: skip


def kind_of(column: Column) -> str:
    """Return which kind of value a canonical column holds: number, boolean or moment; "" for text."""
    return _KINDS.get(column.type, "")


def look_at(con: duckdb.DuckDBPyConnection, folder: Folder, name: str, scratch: Path) -> Look:
    """Read the first rows of a file, at most `SAMPLE`."""
    place = scratch / name.replace("/", "_")
    place.mkdir()
    try:
        readable = make_readable(con, folder.file(name).path, Reading(), place, most=SAMPLE)
        columns = {shown: column for column, shown in zip(readable.columns, readable.names(), strict=True)}
        texts = ", ".join(f"CAST({identifier(column)} AS VARCHAR)" for column in columns.values())
        rows = (
            con.execute(f"SELECT {texts} FROM {readable.relation} LIMIT {SAMPLE}").fetchall() if texts else []
        )
    except DataContractError as error:
        return Look(name, {}, trouble=str(error).splitlines()[0])
    if not columns:
        return Look(name, {}, trouble=f"{name} is empty")
    samples, gaps, unique = {}, set(), set()
    for place_, shown in enumerate(columns):
        counted = Counter((row[place_] or "").strip() for row in rows)
        if counted.pop("", 0):
            gaps.add(shown)
        common = sorted(counted, key=lambda value: (-counted[value], value))
        samples[shown] = common[:DISTINCT]
        if rows and all(number == 1 for number in counted.values()) and shown not in gaps:
            unique.add(shown)
    native = {shown: readable.columns[column] for shown, column in columns.items()}
    dates = {shown: format_of(values[:200]) for shown, values in samples.items() if values}
    return Look(
        name, samples, frozenset(gaps), native, frozenset(unique),
        rows=len(rows), whole=readable.rows <= len(rows) < SAMPLE, fitting=fitting(samples), dates=dates,
        readable=readable,
        cells={shown: [(row[i] or "").strip() for row in rows] for i, shown in enumerate(columns)},
    )  # fmt: skip


def fitting(samples: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    tests: dict[str, Callable[[str], bool]] = {
        "number": lambda value: _MONEY.fullmatch(unicodedata.normalize("NFKC", value)) is not None,
        "boolean": lambda value: value.lower() in (*YES, *NO),
        "moment": lambda value: (
            any(c.isdigit() for c in value) and (format_of([value]) is not None or reads(value, "excel"))
        ),
    }
    return {
        kind: frozenset(n for n, values in samples.items() if values and _share(values[:40], test) > 0.8)
        for kind, test in tests.items()
    }


def dated(name: str, look: Look) -> bool:
    """Whether a column holds dates, and not numbers that could be read as some."""
    return look.dates.get(name) not in (None, *EPOCHS, "%Y%m%d")


def _share(samples: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(bool(test(value)) for value in samples) / len(samples)


def has_decimal_commas(look: Look) -> bool:
    """Whether some column holds amounts such as 1.200,50, and none such as 1,200.50."""
    values = [value for name in look.fitting.get("number", ()) for value in look.samples[name][:200]]
    return any(map(_DECIMAL_COMMA.fullmatch, values)) and not any(map(_DECIMAL_POINT.fullmatch, values))


def currency_sign(look: Look) -> str | None:
    """Return the currency that amounts of the file carry, if they carry one; of several, each its own."""
    signs = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY"}
    values = [value for name in look.fitting.get("number", ()) for value in look.samples[name][:200]]
    found = {code for sign, code in signs.items() if any(sign in value for value in values)}
    found |= {code for value in values for code in re.findall(r"(?<![A-Z])[A-Z]{3}(?![A-Z])", value)}
    return found.pop() if len(found) == 1 else None
