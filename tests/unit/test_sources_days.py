"""A day stays the day that was written down, in every zone and in every spelling."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.sources.calendar_days import day_of_instant, day_of_local, parse_day

OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
DAYS = st.dates(date(1995, 1, 1), date(2035, 12, 31))
CON = duckdb.connect()
CON.execute("SET TimeZone = 'UTC'")


def read(
    text: str, format_: str | tuple[str, ...] | None = None, *, zone: str | None = None, clock: bool
) -> date | None:
    """The day that DuckDB reads."""
    sql = parse_day("t", format_=format_, zone=zone, clock=clock)
    found = CON.execute(f"SELECT {sql} FROM (SELECT ? AS t)", [text]).fetchone()
    assert found is not None
    day: date | None = found[0]
    return day


@given(DAYS, OFFSETS, st.booleans(), st.sampled_from((None, "Asia/Tokyo", "America/Los_Angeles")))
def test_midnight_is_the_day_itself_in_every_zone(
    day: date, offset: timezone, clock: bool, zone: str | None
) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=offset)
    assert read(midnight.isoformat(), zone=zone, clock=clock) == day
    assert read(midnight.strftime("%d.%m.%Y %H:%M %z"), "%d.%m.%Y %H:%M %z", clock=clock) == day


@given(st.datetimes(datetime.fromisoformat("1995-01-02"), datetime.fromisoformat("2035-12-30")), OFFSETS)
def test_a_term_ends_on_the_day_written_and_usage_falls_on_the_day_of_utc(
    moment: datetime, offset: timezone
) -> None:
    written = moment.replace(microsecond=0, tzinfo=offset)
    for text, format_ in (
        (written.isoformat(), None),
        (written.strftime("%Y/%m/%d %T %z"), "%Y/%m/%d %H:%M:%S %z"),
    ):
        assert read(text, format_, clock=False) == written.date()
        if written.time() != datetime.min.time():
            assert read(text, format_, clock=True) == written.astimezone(UTC).date()


@pytest.mark.parametrize(
    ("text", "format_", "calendar", "clock"),
    [
        ("2026-03-01", None, "2026-03-01", "2026-03-01"),
        ("2026-03-01 00:00:00", None, "2026-03-01", "2026-03-01"),
        ("2026-03-01 08:00:00", None, "2026-03-01", "2026-02-28"),  # 8 in the morning in Tokyo
        ("2026-02-28T15:00:00Z", None, "2026-03-01", "2026-02-28"),  # midnight in Tokyo, as software tells it
        ("2026-03-01T00:00:00.000Z", None, "2026-03-01", "2026-03-01"),  # a plain day, as software tells it
        ("1772290800", "unix", "2026-03-01", "2026-02-28"),
        ("01.03.2026 08:00", "%d.%m.%Y %H:%M", "2026-03-01", "2026-02-28"),
        ("soon", None, None, None),
        ("31.02.2026", "%d.%m.%Y", None, None),
    ],
)
def test_days_of_a_company_in_tokyo(
    text: str, format_: str | None, calendar: str | None, clock: str | None
) -> None:
    found = [read(text, format_, zone="Asia/Tokyo", clock=which) for which in (False, True)]
    assert [day and day.isoformat() for day in found] == [calendar, clock]


def test_a_day_that_two_formats_read_differently_is_no_day() -> None:
    assert read("03/04/2026", ("%d/%m/%Y", "%m/%d/%Y"), clock=False) is None
    assert read("13/04/2026", ("%d/%m/%Y", "%m/%d/%Y"), clock=False) == date(2026, 4, 13)


def test_days_of_typed_columns() -> None:
    """Parquet brings times without text: a naive midnight is a day; 15:00 UTC is midnight in Tokyo."""
    naive = day_of_local("TIMESTAMP '2026-03-01 00:00:00'", zone="Asia/Tokyo", clock=True)
    late = day_of_local("TIMESTAMP '2026-03-01 08:00:00'", zone="Asia/Tokyo", clock=True)
    term = day_of_instant("TIMESTAMP '2026-02-28 15:00:00'", zone="Asia/Tokyo", clock=False)
    assert CON.execute(f"SELECT {naive}, {late}, {term}").fetchone() == (
        date(2026, 3, 1), date(2026, 2, 28), date(2026, 3, 1),
    )  # fmt: skip
