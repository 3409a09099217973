"""Losses from contracts: the sweep over changes against a calendar that is walked day by day."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from customer_health.contract_rules import OutcomesConfig
from customer_health.warehouse.losses.contract_losses import Loss, contract_losses
from customer_health.warehouse.losses.lapsed import presumed_renewals
from customer_health.warehouse.losses.levels import State, levels
from customer_health.warehouse.losses.usage_revenue import Bill, usage_losses

RULES = OutcomesConfig()
GRACE = RULES.grace_days
DAYS = 400
DAY = st.integers(0, DAYS)


@st.composite
def histories(draw: st.DrawFn) -> list[State]:
    """States of up to three contracts, each in order of time."""
    states = []
    for contract in "abc"[: draw(st.integers(1, 3))]:
        for begins in sorted(draw(st.lists(DAY, min_size=1, max_size=4))):
            length = draw(st.sampled_from((None, 1, 20, 60, 200)))
            states.append(
                State(
                    contract,
                    begins,
                    begins + draw(st.sampled_from((-20, 0, 0, 5, 60))),
                    draw(st.sampled_from((True, True, True, False))),
                    None if length is None else begins + length,
                    draw(st.sampled_from((None, 1, 2, 3))),
                    draw(st.sampled_from((10.0, 50.0, 95.0, 100.0))),
                    draw(st.sampled_from((None, 500.0, 1000.0))),
                )
            )
    return states


def held(states: list[State], day: int) -> list[State]:
    """The states in force on a day, by the definition."""
    latest = {state.contract: state for state in states if state.begins <= day}
    return [s for s in latest.values() if s.active and (s.ends is None or day < s.ends)]


@given(histories())
@example([State("a", 0, 0, True, 50), State("b", 50 + GRACE, 50 + GRACE, True)])
@example([State("a", 0, 0, True, 50), State("b", 51 + GRACE, 51 + GRACE, True)])
def test_an_account_has_left_when_no_contract_is_in_force_for_longer_than_the_grace(
    states: list[State],
) -> None:
    found = [loss.day for loss in contract_losses(levels(states), 10_000, RULES) if loss.kind == "logo_churn"]
    expected = [
        day
        for day in range(1, DAYS + 300)
        if held(states, day - 1) and not any(held(states, day + ahead) for ahead in range(GRACE + 1))
    ]
    assert found == expected


@given(histories())
@example(
    [
        State("a", 0, 0, True, 50, 3),
        State("b", 50 + GRACE, 99, True, None, 3),
        State("c", 0, 0, True, None, 1),
    ]
)
@example(
    [
        State("a", 0, 0, True, 50, 3),
        State("b", 51 + GRACE, 99, True, None, 3),
        State("c", 0, 0, True, None, 1),
    ]
)
def test_a_plan_has_fallen_when_its_rank_does_not_come_back_within_the_grace(states: list[State]) -> None:
    def rank(day: int) -> int | None:
        return max((s.rank for s in held(states, day) if s.rank is not None), default=None)

    found = [loss.day for loss in contract_losses(levels(states), 10_000, RULES) if loss.kind == "downgrade"]
    expected = []
    for day in range(1, DAYS + 300):
        before = rank(day - 1)
        ahead = [r for r in (rank(day + n) for n in range(GRACE + 1)) if r is not None]
        if (
            before is not None
            and ahead
            and max(ahead) < before
            and held(states, day - 1) != held(states, day)
        ):
            expected.append(day)
    assert found == expected


@given(histories(), st.integers(0, DAYS + 300))
def test_a_loss_that_was_known_on_a_day_stays_one_whatever_comes_later(
    states: list[State], until: int
) -> None:
    """If every state was known when it began, what a day knows is what the whole history knew by then."""
    prompt = [replace(state, known=state.begins) for state in states]
    seen = [state for state in prompt if state.begins < until]
    whole = [loss for loss in contract_losses(levels(prompt), 10_000, RULES) if loss.known < until]
    assert contract_losses(levels(seen), until, RULES) == whole


@given(histories())
def test_a_contraction_is_more_than_a_tenth_of_the_seats_and_no_gap_between_terms(
    states: list[State],
) -> None:
    for loss in contract_losses(levels(states), 10_000, RULES):
        if loss.kind == "contraction_seats":
            before, after = (float(number) for number in loss.why.removeprefix("seats ").split(" -> "))
            assert after < 0.9 * before
            ahead = [sum(s.seats or 0 for s in held(states, loss.day + n)) for n in range(GRACE + 1)]
            assert max(ahead) <= after + 1e-9


def test_seats_that_creep_away_are_a_contraction_once() -> None:
    steps = [(0, 100.0), (100, 95.0), (150, 89.0), (160, 88.0)]
    states = [State("a", day, day, True, None, 1, seats, 1000 + seats) for day, seats in steps]
    assert contract_losses(levels(states), 1000, RULES) == [
        Loss("contraction_seats", 150, 180, 6.0, "seats 100 -> 89")
    ]


def test_a_loss_is_known_when_the_grace_is_over_or_the_news_came_later() -> None:
    def smaller(known: int) -> list[State]:
        return [State("a", 0, 0, True, None, 3, 10, 900), State("a", 50, known, True, None, 2, 10, 500)]

    for known, since in ((40, 80), (50, 80), (95, 95)):
        assert [
            (loss.day, loss.known, loss.arr) for loss in contract_losses(levels(smaller(known)), 99, RULES)
        ] == [(50, since, 400)]


@given(
    st.integers(7, 120),
    st.floats(10, 1e6),
    st.integers(8, 30),
    st.floats(0, 1),
    st.sampled_from((60, 90, 120)),
)
@example(23, 10.0, 8, 0.78125, 60)
@example(106, 10.0, 8, 0.5, 60)
def test_the_rhythm_of_billing_is_no_contraction_and_a_lasting_fall_is_one(
    every: int, amount: float, before: int, left: float, window: int
) -> None:
    """Weekly, monthly, quarterly: steady revenue never shrinks; less than four fifths does."""
    rules = OutcomesConfig(usage_window_days=window)
    span = max(window, every)
    total = before + 2 + (3 * span) // every
    days = [number * every for number in range(total)]
    until = days[-1] + 1
    steady = [Bill(day, day, amount) for day in days]
    assert usage_losses(steady, until, rules) == []
    fallen = [Bill(day, day, amount * (left if number >= before else 1)) for number, day in enumerate(days)]
    found = usage_losses(fallen, until, rules)
    enough_past = days[before] - 2 * span >= 0
    if left > 0.81:
        assert found == []
    elif left < 0.79 and enough_past:
        assert len(found) >= 1
        assert days[before - 1] < found[0].day <= days[before] + span + every
        assert found[0].known >= days[before]


def test_usage_revenue_that_stops_without_a_word_is_known_a_window_later() -> None:
    bills = [Bill(day, day + 3, 100) for day in range(0, 400, 30)]
    (loss,) = usage_losses(bills, 1000, RULES)
    assert (loss.day, loss.known) == (390 + 90, 390 + 90)
    assert usage_losses(bills, 390 + 90, RULES) == []


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(5, 60), st.integers(120, 400))
def test_a_lapsed_contract_lives_as_long_as_its_usage(used: list[int], quiet: int, until: int) -> None:
    """Walked day by day: from 30 days past the term, as long as the last `quiet` days saw usage."""
    states = [State("a", 0, 0, True, 50)]
    found = presumed_renewals(states, [(day, day) for day in used], [], until, quiet)
    since, last = 80, None
    for day in range(since, until):
        if not any(day - quiet < one <= day for one in used):
            break
        last = day
    if last is None:
        assert found == []
    else:
        (one,) = found
        assert one.since == since
        assert (one.until is None) == (last == until - 1)
        assert one.until is None or one.until == last + 1


def test_a_presumption_ends_when_the_renewal_is_booked_or_the_customer_gives_notice() -> None:
    used = [(day, day) for day in range(300)]
    late = [State("a", 0, 0, True, 50), State("a", 50, 120, True, 415)]
    assert presumed_renewals(late, used, [], 300, 30)[0].until == 120
    other = [State("a", 0, 0, True, 50), State("b", 50, 130, True, 415)]
    assert presumed_renewals(other, used, [], 300, 30)[0].until == 130
    assert presumed_renewals(late[:1], used, [140], 300, 30)[0].until == 140
    assert presumed_renewals(late[:1], used, [20], 300, 30) == []
