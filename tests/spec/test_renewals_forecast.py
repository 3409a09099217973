"""What the next four quarters will bring: sums that add up, an interval that holds, and no hindsight."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.ledger import day, morning, new_ledger, publish

from customer_health.errors import FatalError
from customer_health.kpis.renewals.quarters import quarter_named, quarter_of
from customer_health.kpis.renewals.renewal_forecast import forecast
from customer_health.kpis.renewals.retained_interval import retained_interval
from customer_health.ledger.renewals import CSM, FINAL, Call, record_call


def customer(arr, renews, p_loss=None, **fields):
    return {"arr": arr, "renewal_date": renews, "p_decision": p_loss} | fields


def seen(engine, number=1, before=None, **arguments):
    with engine.connect() as connection:
        return forecast(connection, day(number), known_before=before or morning(number), **arguments)


def call(account, retained, *, kind=CSM, quarter="2026-Q4", at=None, by="dana@example.com"):
    return Call(quarter, kind, retained, by, at or morning(0), account_id=account, note="spoke with them")


def test_a_vp_sees_what_next_quarter_will_bring(ledger):
    publish(
        ledger,
        1,
        {
            "sure": customer(100_000.0, date(2027, 1, 10), 0.0),
            "even": customer(60_000.0, date(2027, 3, 31), 0.5),
            "this": customer(10_000.0, date(2026, 12, 31), 0.1),
        },
    )
    found = seen(ledger)

    assert [line.name for line in found.quarters] == ["2026-Q4", "2027-Q1", "2027-Q2", "2027-Q3"]
    next_quarter = found.quarters[1]
    assert (next_quarter.renewals, next_quarter.arr) == (2, 160_000.0)
    assert next_quarter.expected == 130_000.0
    assert (next_quarter.low, next_quarter.high) == (100_000.0, 160_000.0)
    assert found.total.arr == 170_000.0


def test_every_customer_is_in_one_line_and_the_lines_add_up(ledger):
    days = (None, day(-20), day(1), day(61), date(2027, 9, 30), date(2027, 10, 1), date(2031, 1, 1))
    publish(ledger, 1, {f"c{n}": customer(float(10**n), due, 0.1) for n, due in enumerate(days)})
    found = seen(ledger)

    lines = [*found.quarters, *found.rest]
    assert sum(line.renewals for line in lines) == len(days)
    assert sum(line.arr for line in lines) == sum(10**n for n in range(len(days)))
    assert {line.name: line.renewals for line in found.rest} == {"overdue": 1, "later": 2, "no_date": 1}
    for by in (lambda one: one.segment, lambda one: one.owner):
        groups = found.grouped(by, [line.name for line in found.quarters])
        assert sum(group.arr for group in groups) == found.total.arr


def test_who_gave_notice_is_expected_to_leave_and_is_told_apart(ledger):
    due = date(2026, 12, 1)
    gone = customer(50_000.0, due, state="notice_given", notice_given=True, score_shown=None)
    publish(ledger, 1, {"gone": gone, "stays": customer(50_000.0, due, 0.0)})
    line = seen(ledger).quarters[0]

    assert (line.notice, line.notice_arr, line.expected) == (1, 50_000.0, 50_000.0)


def test_what_nothing_predicts_is_neither_kept_nor_lost(ledger):
    due = date(2026, 12, 1)
    publish(ledger, 1, {"known": customer(80_000.0, due, 0.25), "young": customer(20_000.0, due)})
    line = seen(ledger).quarters[0]

    assert (line.arr, line.expected, line.high) == (100_000.0, 60_000.0, 80_000.0)
    assert (line.unpredicted, line.unpredicted_arr) == (1, 20_000.0)


def test_without_a_model_there_is_no_expectation_and_no_zero(ledger):
    publish(ledger, 1, {"acme": customer(80_000.0, date(2026, 12, 1))})
    line = seen(ledger).quarters[0]
    assert (line.expected, line.low, line.high, line.with_calls) == (None, None, None, None)


def test_an_unknown_amount_is_counted_and_never_a_zero(ledger):
    due = date(2026, 12, 1)
    publish(ledger, 1, {"known": customer(80_000.0, due, 0.0), "unknown": customer(None, due, 0.5)})
    line = seen(ledger).quarters[0]
    assert (line.renewals, line.arr, line.arr_unknown) == (2, 80_000.0, 1)


def test_euros_are_never_added_to_dollars(ledger):
    due = date(2026, 12, 1)
    accounts = {f"us{n}": customer(10_000.0, due, 0.0) for n in range(2)}
    publish(ledger, 1, accounts | {"eu": customer(10_000.0, due, 0.0, currency="EUR")})
    line = seen(ledger).quarters[0]
    assert (seen(ledger).currency, line.arr, line.arr_unknown) == ("USD", 20_000.0, 1)


def test_the_calls_replace_the_model_and_the_leads_has_the_last_word(ledger):
    due = date(2026, 12, 1)
    names = ("model", "csm", "final")
    publish(ledger, 1, {name: customer(100_000.0, due, 0.5) for name in names})
    record_call(ledger, call("csm", 90_000))
    record_call(ledger, call("final", 90_000))
    record_call(ledger, call("final", 0, kind=FINAL, by="lee@example.com"))
    record_call(ledger, call(None, 120_000, kind=FINAL, by="lee@example.com"))
    line = seen(ledger).quarters[0]

    assert (line.expected, line.with_calls) == (150_000.0, 50_000.0 + 90_000.0 + 0.0)
    assert (line.csm_calls, line.final_calls) == (2, 1)
    assert line.final is not None
    assert (line.final.retained_arr, line.final.by) == (120_000, "lee@example.com")


def test_a_later_call_corrects_an_earlier_one_which_stays_readable(ledger):
    publish(ledger, 1, {"acme": customer(100_000.0, date(2026, 12, 1), 0.5)})
    record_call(ledger, call("acme", 100_000, at=morning(1)))
    record_call(ledger, call("acme", 0, at=morning(3)))

    assert seen(ledger, before=morning(9)).quarters[0].with_calls == 0.0
    assert seen(ledger, before=morning(2)).quarters[0].with_calls == 100_000.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"retained_arr": -1.0}, "not an amount"),
        ({"retained_arr": float("nan")}, "not an amount"),
        ({"by": " "}, "who and why"),
        ({"note": "ok"}, "who and why"),
        ({"account_id": None}, "whole quarter"),
    ],
)
def test_a_call_that_says_nothing_is_refused(ledger, wrong, said):
    good = vars(call("acme", 1.0))
    with pytest.raises(FatalError, match=said):
        record_call(ledger, Call(**(good | wrong)))


LATER_FACTS = st.lists(
    st.tuples(
        st.sampled_from(["score", "call", "quarter", "lost", "grown"]),
        st.integers(2, 60),
        st.floats(0, 200_000),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(facts=LATER_FACTS)
def test_a_forecast_as_of_a_day_is_not_moved_by_what_is_learned_later(tmp_path_factory, facts):
    engine = new_ledger(tmp_path_factory.mktemp("later"))
    due = {"acme": date(2026, 12, 1), "bolt": date(2027, 2, 1)}
    publish(engine, 1, {name: customer(100_000.0, when, 0.3) for name, when in due.items()})
    record_call(engine, call("acme", 70_000, at=morning(1) - timedelta(hours=1)))
    before = seen(engine)
    for kind, number, amount in facts:
        match kind:
            case "call":
                record_call(engine, call("acme", amount, at=morning(number)))
            case "quarter":
                record_call(engine, call(None, amount, kind=FINAL, at=morning(number)))
            case "lost":
                publish(engine, number, {"bolt": customer(amount, due["bolt"], 0.9)})
            case _:
                publish(engine, number, {n: customer(amount, w, 0.1) for n, w in due.items()})

    assert seen(engine) == before
    engine.dispose()


@settings(max_examples=40, deadline=None)
@given(
    renewals=st.lists(st.tuples(st.integers(0, 900), st.floats(0, 1)), min_size=1, max_size=9),
    share=st.sampled_from([0.5, 0.8, 0.9]),
)
def test_the_interval_holds_what_it_promises(renewals, share):
    """The slow twin walks through every way in which the customers may decide."""
    arr, chances = [float(a) for a, _ in renewals], [p for _, p in renewals]
    expected, low, high = retained_interval(arr, chances, share=share)
    inside = mean = 0.0
    for lost in itertools.product((0, 1), repeat=len(arr)):
        chance = 1.0
        for gone, p in zip(lost, chances, strict=True):
            chance *= p if gone else 1 - p
        retained = sum(a for a, gone in zip(arr, lost, strict=True) if not gone)
        mean += chance * retained
        inside += chance * (low - 1e-6 <= retained <= high + 1e-6)

    assert expected == pytest.approx(mean, abs=1e-6)
    assert inside >= share - 0.02
    assert 0 <= low <= high <= sum(arr) + 1e-9


def test_many_small_customers_hardly_widen_the_interval():
    """Two hundred equals drawn, or a thousand of which most are a normal share: both as the theory has it."""
    for count in (200, 1_000):
        expected, low, high = retained_interval([1.0] * count, [0.1] * count, share=0.9)
        half = 1.645 * (count * 0.1 * 0.9) ** 0.5
        assert expected == pytest.approx(0.9 * count)
        assert high - low == pytest.approx(2 * half, rel=0.12)


def test_the_interval_is_the_same_every_time_and_in_every_order():
    arr, chances = [500.0, 40.0, 90.0, 40.0], [0.2, 0.5, 0.1, 0.3]
    once = retained_interval(arr, chances, share=0.9)
    assert retained_interval(arr, chances, share=0.9) == once
    assert retained_interval(arr[::-1], chances[::-1], share=0.9) == pytest.approx(once)


def test_a_fiscal_year_may_begin_in_february():
    quarter = quarter_of(date(2027, 1, 31), 2)
    assert (quarter.name, quarter.start, quarter.end) == ("FY2027-Q4", date(2026, 11, 1), date(2027, 2, 1))
    assert quarter.next().name == "FY2028-Q1"


@given(when=st.dates(date(1990, 1, 1), date(2090, 1, 1)), month=st.integers(1, 12))
def test_every_day_lies_in_one_quarter_and_its_name_leads_back(when, month):
    quarter = quarter_of(when, month)
    assert quarter.holds(when)
    assert not quarter.next().holds(when)
    assert quarter_named(quarter.name, month) == quarter


@pytest.mark.parametrize("name", ["2027-Q5", "Q1", "", "FY2027-Q1", "2027-q1", "9" * 999])
def test_a_name_that_is_not_a_quarter_is_refused(name):
    with pytest.raises(FatalError, match="is not a quarter"):
        quarter_named(name)


def test_a_day_that_was_never_published_has_no_forecast(ledger):
    found = seen(ledger, before=datetime.combine(day(1), time(), UTC))
    assert (found.total.renewals, found.total.arr, found.total.expected) == (0, 0.0, None)
