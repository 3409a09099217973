"""What a load says about a file beside its rows: days that are none, lookups that miss, counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from customer_health.sources.feed_sql import Compiled
from customer_health.warehouse.raw import first, scalar
from customer_health.wording import number, plural

if TYPE_CHECKING:
    import duckdb

TOLERATED_MISSES = 0.2
"""Share of values for which a lookup with `missing: empty` or `skip` may have no answer without a word."""
_BECOMES = {"empty": "they are empty", "skip": "their rows are left out"}


EARLY = timedelta(days=14)
"""A feed of usage whose last day lies so long before that of another has ended, as it seems."""


def ended_early(con: duckdb.DuckDBPyConnection, source: str, feeds: Mapping[str, str]) -> Iterator[str]:
    """Yield sentences about feeds of usage that end long before the others: all of their usage seems to stop.

    Args:
        con: The warehouse, with the rows in `raw`.
        source: Who brought them.
        feeds: File -> the feed that it belongs to.
    """
    last: dict[str, date] = {}
    days = con.execute(
        "SELECT _file, max(occurred_at) FROM raw.usage WHERE _source = ? GROUP BY 1", [source]
    ).fetchall()
    for file, day in days:
        feed = feeds.get(file)
        if feed is not None:
            last[feed] = max(day, last.get(feed, day))
    end = max(last.values(), default=None)
    for feed, day in sorted(last.items()):
        if end is not None and end - day >= EARLY:
            yield (
                f"usage: {feed} ends on {day}, {plural((end - day).days, 'day')} before the others: whoever "
                "used that seems to have stopped. Is an export missing?"
            )


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
