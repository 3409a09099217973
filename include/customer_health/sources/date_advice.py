"""Which format would read dates that wait in quarantine, without losing those that are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from customer_health.sources.date_formats import format_of, formats_of
from customer_health.warehouse.table import Table, Type

if TYPE_CHECKING:
    import duckdb


def advise_on_dates(
    con: duckdb.DuckDBPyConnection, table: Table, source: str, file: str, *, others: bool
) -> None:
    """Add to a file's dates in quarantine by which format they would be read.

    A word for a zone, and a span that is added to a date, are left alone: no format would read those.

    Args:
        con: The warehouse.
        table: The table that the file fills.
        source: Who brought the file.
        file: Its name.
        others: Whether other rows of the file are read.
    """
    dated = [name for name, column in table.columns.items() if column.type in (Type.DATE, Type.TIMESTAMP)]
    key = [table.name, source, file]
    here = (
        "table_name = ? AND source = ? AND file = ? "
        "AND starts_with(reason, column_name || ' cannot be read as')"
    )
    failed = con.execute(
        f"SELECT column_name, list(DISTINCT value)[:200], max(reason) FROM quarantine.rows WHERE {here} "
        "AND list_contains(?, column_name) GROUP BY 1",
        [*key, [*dated, "ends_on", "begins"]],
    ).fetchall()
    for column, values, reason in failed:
        if found := advice(values, formats_named(reason) if others else ()):
            con.execute(
                f"UPDATE quarantine.rows SET remedy = ? || ' ' || remedy WHERE {here} AND column_name = ?",
                [found, *key, column],
            )


def formats_named(reason: str) -> tuple[str, ...]:
    """Return the formats by which, as the reason of a row in quarantine says, its column is read."""
    found = re.search(r" by (?:format|exactly one of the formats) (.+)$", reason)
    return tuple(found[1].split(", ")) if found else ("iso",)


def advice(values: Iterable[str], beside: Sequence[str] = ()) -> str:
    """Return the line to write for dates that are not read, or "" if no format reads them all.

    Args:
        values: Dates that are not read.
        beside: The formats by which other dates of the column are read and must go on to be.
    """
    samples = [value.strip() for value in values if value and value.strip()]
    found = format_of(samples) if samples else None
    choices = found.split(" or ") if found else []
    if set(choices[:1] or formats_of(samples)) & set(beside) or (found == "" and "iso" in beside):
        return ""  # they look like dates of a format that does not read them
    listed = ", ".join(map(repr, (*beside, *(choices[:1] or formats_of(samples)))))
    if not beside and len(choices) > 1:
        return f"These read by `format: {' or '.join(map(repr, choices))}`."
    if not samples or listed == ", ".join(map(repr, beside)):
        return ""
    if beside:
        also = f" (or {' or '.join(map(repr, choices[1:]))})" if len(choices) > 1 else ""
        return f"These read by `format: [{listed}]`{also}, and the others still do."
    return f"These read by `format: {listed}`." if choices else f"These read by `format: [{listed}]`."
