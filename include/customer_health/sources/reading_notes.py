"""What a load says about a file beside its rows: days that are none, lookups that miss, counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from customer_health.sources.feed_sql import Compiled
from customer_health.warehouse.raw import first, scalar
from customer_health.wording import number, plural

if TYPE_CHECKING:
    import duckdb

TOLERATED_MISSES = 0.2
"""Share of values for which a lookup with `missing: empty` or `skip` may have no answer without a word."""
_BECOMES = {"empty": "they are empty", "skip": "their rows are left out"}


def notes_of(con: duckdb.DuckDBPyConnection, table: str, file: str, feed: Compiled) -> Iterator[str]:
    """Yield sentences about one feed of one file.

    Args:
        con: The warehouse.
        table: The table that the file fills.
        file: Its name.
        feed: What is read from it.
    """
    for name, counted in feed.no_dates.items():
        found = first(con, counted)
        if found and found[0]:
            stands = "stands for no date and is" if found[0] == 1 else "stand for no date and are"
            values = plural(found[0], "value")
            yield f"{table}.{name}: {values} of {file}, such as {found[1]}, {stands} read so."
    for name, (counted, missing) in feed.unanswered.items():
        missed, of, shown = first(con, counted) or (0, 0, None)
        if missed > TOLERATED_MISSES * of:  # where misses are no mistake, so many may mean the wrong lookup
            yield (
                f"{table}.{name}: the lookup of {file} has no answer for {number(missed)} of "
                f"{plural(of, 'value')}, such as '{shown}'; {_BECOMES[missing]}. "
                "Is it the right file and key?"
            )
    rows = int(scalar(con, feed.begun)) if feed.begun else 0
    if rows:
        begin = plural(rows, "row only begins a counter", "rows only begin counters")
        yield f"{table}: of {file}, {begin}: what was added on the day is unknown."
