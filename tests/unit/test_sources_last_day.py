"""The last complete day of usage: neither a cut export nor a stray row moves it."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from customer_health.sources.last_day import last_complete

MONDAY = date(2026, 1, 5)


@given(st.integers(3, 12), st.integers(20, 500), st.floats(0.0, 0.45), st.integers(0, 20), st.integers(0, 6))
def test_a_cut_day_and_stray_days_are_passed_over(
    weeks: int, usual: int, cut: float, strays: int, weekday: int
) -> None:
    """Weekends have a tenth of the rows, and are complete with them."""
    full = {
        MONDAY + timedelta(days=n): usual if n % 7 < 5 else usual // 10 + 1
        for n in range(weeks * 7 + weekday)
    }
    last = max(full)
    following = last + timedelta(days=1)
    broken = full | {following: int(cut * full[following - timedelta(days=7)])}
    assert last_complete(broken) == last
    odd = {last + timedelta(days=10 + 9 * n): 1 for n in range(strays % 3) if usual >= 20}
    weekdays = {day: rows for day, rows in odd.items() if day.weekday() < 5}
    assert last_complete(full | weekdays) == last


def test_accounts_that_end_one_by_one_with_the_data_are_no_complete_usage() -> None:
    """Each day of June loses a thirtieth of the accounts, as where every last term ends with the export."""
    rows = {date(2026, 5, 31) - timedelta(days=n): 3000 for n in range(60)}
    rows |= {date(2026, 5, 31) + timedelta(days=n): 3000 - 100 * n for n in range(1, 30)}
    last = last_complete(rows)
    assert last is not None
    assert date(2026, 5, 31) <= last <= date(2026, 6, 4)


@given(st.dictionaries(st.dates(date(2024, 1, 1), date(2026, 1, 1)), st.integers(0, 50), max_size=40))
def test_some_day_is_always_complete_if_there_is_any_usage(rows: dict[date, int]) -> None:
    found = last_complete(rows)
    assert (found is None) == (not any(rows.values()))
    assert found is None or rows[found] > 0
