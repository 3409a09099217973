"""Which formats read some dates, and whether a mapping's format takes the day for the month."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from customer_health.errors import DataContractError
from customer_health.sources.casting import as_text, none_of
from customer_health.sources.clock_words import clock, speaks, without_words
from customer_health.sources.files import Readable
from customer_health.sources.mapping import Feed
from customer_health.sources.moments import EPOCHS
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.raw import first
from customer_health.warehouse.table import Table, Type
from customer_health.wording import number, plural

if TYPE_CHECKING:
    import duckdb

DATE_FORMATS = (
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y年%m月%d日",
    "%Y年%m月%d日 %H:%M",
    "%d.%m.%Y %H.%M",
    "%d/%m/%Y %H.%M",
    "%d/%m/%Y %I:%M %p",
    "%Y.%m.%d",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y-%m",
    "%m/%Y",
    "%b %Y",
)
"""Formats that a draft tries; ISO dates need none."""


ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
# Counts since 1970 of days from 2001 to 2096.
_EPOCH = {
    name: re.compile(rf"[1-3]\d{{{9 + decimals}}}" + (r"(\.\d+)?" if name == "unix" else ""))
    for name, decimals in EPOCHS.items()
}
_NAMED = ("iso", "iso_week", *_EPOCH)
_WEEK = re.compile(r"\d{4}-?[wW]\d{1,2}(-?[1-7])?")
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?")  # a spreadsheet's days since 1899-12-30: 1954 to 2091
_PARTS = {
    "%Y": r"\d{4}", "%y": r"\d{2}", "%b": r"[A-Za-z]{3,4}\.?", "%B": r"[A-Za-z]+", "%p": r"[AaPp][Mm]",
}  # fmt: skip


def whole_month(format_: str | None) -> bool:
    """Whether a format names a month and no day."""
    return bool(re.search("%[mbB]", format_ or "")) and not re.search("%-?[djcx]", format_ or "")


@lru_cache(maxsize=256)
def _shape(format_: str) -> re.Pattern[str]:
    """The looks of a format's dates: trying strptime on everything would take seconds a file."""
    parts = re.split(r"(%[A-Za-z])", format_)
    return re.compile(
        "".join(_PARTS.get(p, r"\d{1,2}") if p.startswith("%") else re.escape(p) for p in parts)
    )


@lru_cache(maxsize=65_536)
def reads(value: str, format_: str) -> bool:
    """Whether a format (strptime, or one that has a name: "iso", "unix") reads a text."""
    value = unicodedata.normalize("NFKC", value)
    value = value if speaks(format_) else without_words(value)
    if format_ == "excel":
        return _SERIAL.fullmatch(value) is not None
    if format_ == "iso":
        return ISO.fullmatch(value) is not None
    if format_ == "iso_week":
        return _WEEK.fullmatch(value) is not None
    if format_ in _EPOCH:
        return _EPOCH[format_].fullmatch(value) is not None
    if _shape(format_).fullmatch(value) is None:
        return False
    try:
        datetime.strptime(value, format_)  # noqa: DTZ007 only whether it parses
    except ValueError:
        return False
    return True


def format_of(samples: Sequence[str]) -> str | None:
    """Return "" for ISO dates, a format (or two, joined by " or ") that reads all of them, or None."""
    if all(reads(value, "iso") for value in samples):
        return ""
    for name in (*_EPOCH, "iso_week"):
        if all(reads(value, name) for value in samples):
            return name
    fitting = [f for f in DATE_FORMATS if all(reads(value, f) for value in samples)]
    return " or ".join(fitting) or None


def formats_of(samples: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest formats that between them read every value; empty if some value is not a date."""
    found: list[str] = []
    left = list(samples)
    while left:
        best = max(
            (*_NAMED, *DATE_FORMATS, "excel"), key=lambda format_: sum(reads(v, format_) for v in left)
        )
        rest = [value for value in left if not reads(value, best)]
        if len(rest) == len(left):
            return ()
        found.append(best)
        left = rest
    return tuple(found)


def refuse_swapped(
    con: duckdb.DuckDBPyConnection, readable: Readable, table: Table, feed: Feed, name: str
) -> None:
    """Refuse a format that takes days for months: it fails on some dates, and its mirror reads them all.

    The rows that it does read would be months away from the truth.

    Raises:
        DataContractError: A column of the feed is read so; the message shows the format to write.
    """
    for column, rule in feed.columns.items():
        source = readable.named(rule.column) if rule.column else None
        dated = table.columns[column].type in (Type.DATE, Type.TIMESTAMP)
        if not dated or source is None or not isinstance(rule.format, str) or "%d" not in rule.format:
            continue
        mirror = _mirrored(rule.format)
        if mirror is None or readable.columns[source] != "VARCHAR":
            continue
        text = none_of(as_text(identifier(source), "VARCHAR"), feed.empty)
        relation = f"(SELECT {text} AS cell FROM {readable.relation})"
        text = "cell" if speaks(rule.format) else f"({clock('cell')})"
        failing = f"try_strptime({text}, {literal(rule.format)}) IS NULL"
        found = first(
            con,
            f"SELECT count(*) FILTER ({failing}), count(*), "
            f"count(*) FILTER (try_strptime({text}, {literal(mirror)}) IS NULL), "
            f"list(DISTINCT {text}) FILTER ({failing}) FROM {relation} WHERE cell IS NOT NULL",
        )
        if found and found[0] and not found[2]:
            shown = ", ".join(f"'{value}'" for value in sorted(found[3])[:3])
            raise DataContractError(
                f"{table.name}.{column}: `format: {rule.format!r}` cannot read {number(found[0])} of "
                f"{plural(found[1], 'date')} of {name}, such as {shown}; the others it reads with day and "
                "month swapped.",
                hint=f"Write `format: {mirror!r}`, which reads all of them.",
            )


def _mirrored(format_: str) -> str | None:
    if "%m" not in format_:
        return None
    return format_.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
