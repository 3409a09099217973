"""A glance at one file: its columns, what they hold, and what they could be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from customer_health.errors import DataContractError
from customer_health.sources import draft_words as words
from customer_health.sources.casting import NO, YES
from customer_health.sources.files import make_readable
from customer_health.sources.locate import Folder
from customer_health.sources.mapping import Reading
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.table import Column, Type

_SAMPLE = 2_000
_MONEY = r"[-+(]?([$€£]|[A-Z]{3})?\s?[-+]?\d[\d.,' ]*\s?([$€£%]|[A-Z]{3})?\)?"
_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?"
_DECIMAL_COMMA = r"\D*(\d{1,3}(\.\d{3})+|\d+),\d{1,2}\D*"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "#": "no"})


@dataclass(frozen=True)
class Look:
    """What a glance at one file shows: its columns with distinct sample values, most frequent first."""

    name: str
    samples: dict[str, list[str]]
    gaps: frozenset[str] = field(default=frozenset())
    native: dict[str, str] = field(default_factory=dict)
    unique: frozenset[str] = field(default=frozenset())
    trouble: str = ""


def look_at(folder: Folder, name: str, scratch: Path) -> Look:
    place = scratch / name.replace("/", "_")
    place.mkdir()
    try:
        with open_warehouse("duckdb://") as con:
            readable = make_readable(con, folder.file(name).path, Reading(), place)
            samples, gaps, unique = {}, set(), set()
            for column in readable.columns:
                rows = con.execute(
                    f"SELECT CAST(v AS VARCHAR), count(*) FROM (SELECT {identifier(column)} AS v "
                    f"FROM {readable.relation} LIMIT {_SAMPLE}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200"
                ).fetchall()
                samples[column] = [value.strip() for value, _ in rows if value is not None and value.strip()]
                if any(value is None or not value.strip() for value, _ in rows):
                    gaps.add(column)
                if rows and all(count == 1 for _, count in rows):
                    unique.add(column)
    except DataContractError as error:
        return Look(name, {}, trouble=str(error).splitlines()[0])
    if not samples:
        return Look(name, {}, trouble=f"{name} is empty")
    return Look(name, samples, frozenset(gaps), dict(readable.columns), frozenset(unique))


def plain(name: str) -> str:
    """Return a name as words: `Account ID`, `accountId` and `account_id` are the same."""
    return re.sub(
        r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().translate(_UMLAUTS)
    ).strip("_")


def dated(name: str, look: Look) -> bool:
    """Whether a column holds dates, and not numbers that could be read as some."""
    samples = look.samples[name]
    return bool(samples) and format_of(samples[:20]) not in (None, "unix", "unix_ms", "%Y%m%d")


def fits(column: Column, samples: Sequence[str]) -> bool:
    """Whether most sample values could be of the column's type."""
    if not samples or column.type is Type.TEXT:
        return True
    if column.type in (Type.NUMBER, Type.INTEGER):
        return _share(samples, lambda v: bool(re.fullmatch(_MONEY, v))) > 0.8
    if column.type is Type.BOOLEAN:
        return _share(samples, lambda v: v.lower() in (*YES, *NO)) > 0.8
    return _share(samples, lambda v: bool(re.search(r"\d", v)) and format_of([v]) is not None) > 0.8


def _share(samples: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(bool(test(value)) for value in samples) / len(samples)


def format_of(samples: Sequence[str]) -> str | None:
    """Return "" for ISO dates, a strptime format (or two, joined by " or ") that reads all, or None."""
    if all(re.fullmatch(_ISO, value) for value in samples):
        return ""
    if all(re.fullmatch(r"1\d{9}(\.\d+)?", value) for value in samples):
        return "unix"
    if all(re.fullmatch(r"1\d{12}", value) for value in samples):
        return "unix_ms"
    fitting = [f for f in words.DATE_FORMATS if all(_reads(value, f) for value in samples)]
    return " or ".join(fitting) or None


def formats_of(samples: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest formats that between them read every value; empty if some value is not a date."""
    found: list[str] = []
    left = list(samples)
    while left:
        best = max(("iso", *words.DATE_FORMATS), key=lambda format_: sum(_reads(v, format_) for v in left))
        rest = [value for value in left if not _reads(value, best)]
        if len(rest) == len(left):
            return ()
        found.append(best)
        left = rest
    return tuple(found)


def _reads(value: str, format_: str) -> bool:
    from datetime import datetime

    if format_ == "iso":
        return re.fullmatch(_ISO, value) is not None
    try:
        datetime.strptime(value, format_)  # noqa: DTZ007 only whether it parses
    except ValueError:
        return False
    return True


def has_decimal_commas(look: Look) -> bool:
    """Whether some column holds amounts such as 1.200,50."""
    return any(
        any(re.fullmatch(_DECIMAL_COMMA, value) for value in samples)
        and _share(samples, lambda v: bool(re.fullmatch(_MONEY, v))) > 0.8
        for samples in look.samples.values()
    )


def currency_sign(look: Look) -> str | None:
    """Return the currency that amounts of the file carry, if any does."""
    signs = {"€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP", "CHF": "CHF", "$": "USD"}
    values = [value for samples in look.samples.values() for value in samples if re.fullmatch(_MONEY, value)]
    return next((code for sign, code in signs.items() if any(sign in value for value in values)), None)
