"""Terms renew by the calendar: the array function, the slow twin and dateutil say the same."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from dateutil.relativedelta import relativedelta
from hypothesis import example, given
from hypothesis import strategies as st
from tests.lib.slow_engine.slow_facts import end_after

from customer_health.signals.terms import renewed_until, terms

EPOCH = date(1970, 1, 1)
DAYS = st.dates(date(1996, 1, 1), date(2040, 12, 31))
MONTHS = st.sampled_from((1, 2, 3, 6, 12, 24, 36))
TERM_DAYS = st.integers(1, 800)


def until(start: date, end: date, day: date) -> date:
    """The fast answer for one contract and one as-of date."""
    made = terms(np.array([(start - EPOCH).days]), np.array([(end - EPOCH).days]))
    found = renewed_until(made, np.array([0]), np.array([(day - EPOCH).days]))
    return EPOCH + timedelta(days=int(found[0]))


@given(DAYS, MONTHS, st.integers(0, 1), st.integers(0, 3000))
@example(date(2020, 2, 29), 12, 0, 1500)
@example(date(2025, 11, 30), 3, 0, 100)
@example(date(2025, 8, 31), 1, 1, 200)
def test_a_term_of_months_renews_as_dateutil_counts_them(
    start: date, months: int, last_day: int, later: int
) -> None:
    """Also when the end is written as the last day of the term instead of the day after."""
    first = start + relativedelta(months=months) - timedelta(days=last_day)
    day = first + timedelta(days=later)
    ends = (
        start + relativedelta(months=months * term) - timedelta(days=last_day) for term in range(1, 10_000)
    )
    assert until(start, first, day) == next(end for end in ends if end >= day)


@given(DAYS, TERM_DAYS, st.integers(-100, 4000))
@example(date(2026, 1, 31), 28, 400)
@example(date(2017, 1, 1), 364, 1200)
@example(date(2026, 2, 28), 31, 400)
@example(date(2024, 2, 29), 366, 1500)
def test_the_fast_and_the_slow_calendar_agree(start: date, length: int, later: int) -> None:
    end = start + timedelta(days=length)
    day = end + timedelta(days=later)
    renewals = 0
    while end_after(start, end, renewals) < day:
        renewals += 1
    assert until(start, end, day) == end_after(start, end, renewals)


@given(DAYS, TERM_DAYS, st.integers(0, 2000))
def test_a_renewed_term_never_ends_before_the_day_and_never_a_term_too_late(
    start: date, length: int, later: int
) -> None:
    end = start + timedelta(days=length)
    day = end + timedelta(days=later)
    found = until(start, end, day)
    assert day <= found <= day + timedelta(days=length + 3)  # months differ by three days at most


def test_many_contracts_at_once_are_each_counted_by_their_own_calendar() -> None:
    start = np.array([0, 31, 59], dtype=np.int64)
    end = start + np.array([31, 28, 30])
    row = np.array([[0, 0], [1, 1], [2, 2]])
    day = np.broadcast_to(np.array([400, 800]), (3, 2))
    found = renewed_until(terms(start, end), row, day)
    alone = [
        [until(EPOCH + timedelta(days=int(s)), EPOCH + timedelta(days=int(e)), EPOCH + timedelta(days=d))
         for d in (400, 800)]
        for s, e in zip(start, end, strict=True)
    ]  # fmt: skip
    assert [[EPOCH + timedelta(days=int(x)) for x in line] for line in found] == alone
