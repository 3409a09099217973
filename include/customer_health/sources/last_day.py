"""The natural as-of date of old files: the day after the last one on which their usage is complete."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError
from customer_health.progress import silent
from customer_health.sources.source_registry import source_for
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables, scalar
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

    from customer_health.settings import Settings

MEMORY = 28  # days with usage before a day, which tell what is usual for its day of the week
ENOUGH = 0.9  # of what is usual; less is an export that was cut, or one whose accounts end one by one
LEAST = 0.5  # where few rows make chance large, less than this is still too little
PERIOD = 7  # days between two totals of weeks or months
WHOLE = 0.75  # of what a week or month usually has in total; less is one that was cut


def last_day(settings: Settings, *, before: date | None = None) -> date:
    """Return the day after the last complete day of usage in the company's files.

    Totals of a week or month are complete when they are known.
    Signals of usage are the ones that a few missing days spoil, and they go on when a contract, an invoice
    or a mistyped ticket is dated later. Without usage, the last thing that happened to a customer decides;
    contracts and losses may lie ahead and do not. Loads into a warehouse in memory.

    Args:
        settings: Name the data folder and the mapping.
        before: Facts from this day on are typing errors and do not count; give it today.

    Raises:
        ConfigurationError: There is no such fact.
    """
    horizon = before or date(9000, 1, 1)
    places = [place for place in (settings.data, settings.landing) if place]
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_warehouse("duckdb://", reads=[scratch, *places], locked=False) as con,
    ):
        source = source_for(settings.model_copy(update={"home": Path(scratch)}))
        create_tables(con)
        source.load(con, as_of=horizon, progress=silent)
        counted = "SELECT occurred_at, count(*), sum({}) FROM raw.{} WHERE occurred_at < ? GROUP BY 1"
        usage = con.execute(counted.format("events", "usage"), [horizon]).fetchall()
        usage = usage or con.execute(counted.format("users", "daily_users"), [horizon]).fetchall()
        complete = last_complete(
            {day: rows for day, rows, _ in usage}, {day: total or 0.0 for day, _, total in usage}
        )
        last = _known_by(con, complete, horizon) if complete else _last_fact(con, horizon)
    if last is None:
        raise ConfigurationError(
            f"{settings.data} holds no dated facts.", hint="Map at least usage, tickets, surveys or invoices."
        )
    return last + timedelta(days=1)


def _known_by(con: duckdb.DuckDBPyConnection, day: date, horizon: date) -> date:
    """The day on which most of a day's usage was known, where that is not the next: a month's totals."""
    known: date | None = scalar(
        con,
        "SELECT quantile_disc(CAST(known_at AS DATE), 0.5) FROM (SELECT occurred_at, known_at FROM raw.usage "
        "UNION ALL SELECT occurred_at, known_at FROM raw.daily_users) WHERE occurred_at = ?",
        [day],
    )
    late = known is not None and (known - day).days > 1 and known < horizon
    return known if known is not None and late else day


def last_complete(rows: Mapping[date, int], totals: Mapping[date, float] | None = None) -> date | None:
    """Return the last day with about as many rows as its day of the week had before.

    Half is always too little, and nine tenths are enough; in between, twice the chance of counts decides. A
    month that was cut has all of its rows, and less in each: so totals count, too.

    Args:
        rows: Day -> rows of usage; days without any may be left out.
        totals: Day -> sum of what the rows count.

    Returns:
        None if there is no usage at all.
    """
    days = sorted((day for day in rows if rows[day]), reverse=True)
    for place, day in enumerate(days):
        before = days[place + 1 : place + 1 + MEMORY]
        alike = [other for other in before if other.weekday() == day.weekday()] or before
        usual = median(rows[other] for other in alike) if alike else 0
        enough = not usual or rows[day] >= max(LEAST, ENOUGH - 2 / sqrt(usual)) * usual
        if enough and not _cut(day, days[place + 1 :], totals or {}):
            return day
    return None


def _cut(day: date, before: Sequence[date], totals: Mapping[date, float]) -> bool:
    """Whether a day, or the week or month that begins with it, counts far less than those before it.

    Without four to compare with nobody can tell.
    """
    whole = bool(before) and (day - before[0]).days >= PERIOD
    alike = [other for other in before[:MEMORY] if whole or other.weekday() == day.weekday()][:6]
    if len(alike) < 4:
        return False
    return totals.get(day, 0.0) < (WHOLE if whole else LEAST) * median(
        totals.get(other, 0.0) for other in alike
    )


def _last_fact(con: duckdb.DuckDBPyConnection, horizon: date) -> date | None:
    """The last day on which anything happened to a customer.

    Invoices may be written for a year ahead: the last one that was paid counts, if any is.
    """
    ends = [
        scalar(con, f"SELECT max(occurred_at) FROM raw.{table.name} WHERE occurred_at < ?", [horizon])
        for table in TABLES.values()
        if not table.scheduled and table.name not in ("crm_snapshot", "accounts", "invoices")
    ]
    ends.append(
        scalar(
            con,
            "SELECT coalesce(max(paid_at) FILTER (paid_at < ?), max(occurred_at)) FROM raw.invoices "
            "WHERE occurred_at < ?",
            [horizon, horizon],
        )
    )
    return max((date(end.year, end.month, end.day) for end in ends if end is not None), default=None)
