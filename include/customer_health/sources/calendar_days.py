"""SQL that reads a day without moving it: a term that ends on 31 December does so in every time zone.

Two kinds of columns hold days. A *calendar day* (the end of a term) is the day that was written down. The
day of a *clock* (`occurred_at` of usage) is the UTC day of an instant. Of both, midnight on the clock that
wrote it is not an instant but the day itself: exports spell days so.
"""

from __future__ import annotations

from customer_health.sources.casting import Format, local, moment_of
from customer_health.sources.moments import EPOCHS
from customer_health.warehouse.contracts import literal

_AT_THE_END = "([+-])([0-9]{2}):?([0-9]{2})?$"


def parse_day(text: str, *, format_: Format, zone: str | None, clock: bool) -> str:
    """Return SQL that reads trimmed text as a DATE, NULL where it cannot be read or reads in two ways.

    Args:
        text: SQL of the text.
        format_: As for `parse`.
        zone: Zone of times that name none, and of calendar days that were exported as instants of UTC.
        clock: Whether the column holds the UTC day of an instant.
    """
    if isinstance(format_, tuple):
        readings = ", ".join(parse_day(text, format_=one, zone=zone, clock=clock) for one in format_)
        distinct = f"list_distinct([{readings}])"  # leaves NULL out
        return f"CASE WHEN len({distinct}) = 1 THEN {distinct}[1] END"
    instant = f"CAST({moment_of(text, format_, zone)} AS TIMESTAMP)"
    if format_ in EPOCHS:
        return day_of_instant(instant, zone=zone, clock=clock)
    if format_ in ("excel", "iso_week"):
        written = instant
    elif format_ in (None, "iso"):
        written = f"CASE WHEN {instant} IS NOT NULL THEN TRY_CAST({text} AS TIMESTAMP) END"
        if not clock and zone is not None:  # software spells local midnight as an instant that ends in Z
            in_zone = day_of_instant(instant, zone=zone, clock=False)
            return f"CASE WHEN {text} ILIKE '%z' THEN {in_zone} ELSE CAST({written} AS DATE) END"
    elif "%z" in format_:
        sign, hours, minutes = (f"regexp_extract({text}, '{_AT_THE_END}', {part})" for part in (1, 2, 3))
        offset = (
            f"coalesce(TRY_CAST({hours} AS INTEGER) * 60, 0) + coalesce(TRY_CAST({minutes} AS INTEGER), 0)"
        )
        written = f"({instant} + to_minutes(CASE WHEN {sign} = '-' THEN -1 ELSE 1 END * ({offset})))"
    elif "%Z" in format_:
        return f"CAST({instant} AS DATE)"
    else:
        written = f"try_strptime({text}, {literal(format_)})"
    return _day(written, instant) if clock else f"CAST({written} AS DATE)"


def day_of_instant(instant: str, *, zone: str | None, clock: bool) -> str:
    """Return SQL of the DATE of an instant that was written in no clock but UTC."""
    if clock or zone is None:
        return f"CAST({instant} AS DATE)"
    return _day(instant, f"(({instant}) AT TIME ZONE 'UTC' AT TIME ZONE {literal(zone)})")


def day_of_local(written: str, *, zone: str | None, clock: bool) -> str:
    """Return SQL of the DATE of a time that the clocks of `zone` showed."""
    if zone is None or not clock:
        return f"CAST({written} AS DATE)"
    return _day(written, f"CAST({local(written, zone)} AS TIMESTAMP)")


def _day(written: str, otherwise: str) -> str:
    """The day of `written` if that is a midnight, else that of the other reading."""
    midnight = f"{written} = date_trunc('day', {written})"
    return f"CASE WHEN {midnight} THEN CAST({written} AS DATE) ELSE CAST({otherwise} AS DATE) END"
