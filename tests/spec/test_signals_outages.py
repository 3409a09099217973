"""A day on which our tracking was down says nothing about anybody. As-of date: 1 March 2026, a Sunday."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World, moment

ACCOUNTS = ["acme", *(f"other-{number}" for number in range(19))]
LAST_THREE = (3, 2, 1)


def flat(lost: Iterable[int]) -> World:
    """Twenty accounts of which the same two users come every day for 250 days; some days are lost."""
    world, lost = World(), set(lost)
    for account in ACCOUNTS:
        for day in range(250, 0, -1):
            for user in ("u0", "u1") if day not in lost else ():
                world.usage(account, occurred=ago(day), user=user)
    return world


UNMOVED = (
    "usage_trend_slope", "usage_trend_slope_norm", "usage_delta_28d", "core_action_delta_30d",
    "active_users_delta_28d", "usage_vs_own_baseline_28d",
)  # fmt: skip


@pytest.mark.parametrize("lost", [LAST_THREE, (40, 39, 38, 37), (28,), (60, 45, 2)], ids=str)
def test_a_day_on_which_our_tracking_was_down_does_not_make_anybody_look_quieter(lost: tuple[int]) -> None:
    """Wherever the lost days lie, and whichever window they fall into, usage neither falls nor grows."""
    row = flat(lost).signals(TODAY).loc["acme"]
    known = {name: row[name] for name in UNMOVED if row[name] == row[name]}
    assert known == dict.fromkeys(known, pytest.approx(0, abs=1e-9))
    assert set(UNMOVED) - set(known) <= {"active_users_delta_28d"}
    assert row["daily_users_28d"] == pytest.approx(2)
    assert row["stickiness_28d"] == pytest.approx(1)
    assert row["days_since_last_usage"] == 1


def test_a_customer_who_stopped_before_the_outage_is_still_seen_to_have_stopped() -> None:
    world = flat(LAST_THREE)
    rows = world.rows["usage"]
    stopped = moment(ago(20))
    world.rows["usage"] = [row for row in rows if row["account_id"] != "acme" or row["occurred_at"] < stopped]
    assert ask(world, "usage_delta_28d") == pytest.approx(8 / 25 - 1)
    assert ask(world, "usage_trend_slope_norm") < -0.2
    assert ask(world, "days_since_last_usage") == 21 - 3  # of which we know that they stayed away


def test_days_that_arrive_later_count_from_then_on() -> None:
    """In the morning acme's lost days are found, with one user: only from tomorrow on they have fallen."""
    world, never_found = flat(LAST_THREE), flat(LAST_THREE)
    for day in LAST_THREE:
        world.usage("acme", occurred=ago(day), known=f"{TODAY} 07:00", user="u0")
    assert ask(world, "usage_trend_slope") == ask(never_found, "usage_trend_slope") == pytest.approx(0)
    assert ask(world, "usage_trend_slope", as_of="2026-03-02") < 0
    assert ask(never_found, "usage_trend_slope", as_of="2026-03-02") == pytest.approx(0)


def test_a_weekend_on_which_nobody_ever_works_is_no_outage() -> None:
    """As before: nobody was active, and days since the last usage run on."""
    world = World()
    for account in ACCOUNTS:
        for day in range(120, 0, -1):
            if moment(ago(day)).weekday() < 5:
                world.usage(account, occurred=ago(day))
    assert ask(world, "days_since_last_usage") == 2
    assert ask(world, "daily_users_28d") == pytest.approx(20 / 28)


def test_a_few_accounts_may_well_be_quiet_together() -> None:
    """Nineteen accounts without a row are nineteen quiet customers: too few to blame the source."""
    world = flat(LAST_THREE)
    world.rows["usage"] = [row for row in world.rows["usage"] if row["account_id"] != ACCOUNTS[-1]]
    assert ask(world, "usage_trend_slope_norm") < -0.05
    assert ask(world, "days_since_last_usage") == 4


def test_a_window_of_which_more_than_half_was_lost_says_nothing() -> None:
    signals = flat((7, 6, 5, 4)).signals(TODAY).loc["acme"]
    assert signals[["active_users_7d", "active_days_7d", "active_users_delta_7d"]].isna().all()
    assert signals["active_days_28d"] == 24


def test_a_weeks_users_are_not_compared_with_those_of_half_a_week() -> None:
    """Who comes once a week is missing from half a week; there is no such thing as users per day."""
    assert ask(flat(LAST_THREE), "active_users_delta_7d") is None
    assert ask(flat((40,)), "active_users_delta_7d") == 0


def test_a_source_that_is_silent_for_longer_than_four_weeks_is_taken_at_its_word() -> None:
    """By then most of the same weekdays before were silent, too: that is how the source is now."""
    assert ask(flat(range(20, 48)), "usage_trend_slope") == pytest.approx(0)
    assert ask(flat(range(20, 60)), "usage_trend_slope") < 0


def totals_and_counts(*, totals_lost: Iterable[int] = (), counts_lost: Iterable[int] = ()) -> World:
    """Twenty accounts with ten events and four people a day, told by two sources; days of one are lost."""
    world, without, uncounted = World(), set(totals_lost), set(counts_lost)
    for account in ACCOUNTS:
        for day in range(120, 0, -1):
            if day not in without:
                world.usage(account, occurred=ago(day), user="", events=10)
            if day not in uncounted:
                world.counted(account, first=ago(day), last=ago(day), users=4)
    return world


def test_a_day_that_the_counts_of_people_lost_is_lost_for_people_only() -> None:
    world = totals_and_counts(counts_lost=LAST_THREE)
    assert ask(world, "daily_users_28d") == pytest.approx(4)
    assert ask(world, "usage_trend_slope") == pytest.approx(0)
    assert ask(world, "usage_delta_28d") == pytest.approx(0)
    assert ask(world, "days_since_last_usage") == 1
    assert ask(world, "active_days_28d") == 28


def test_a_day_that_the_totals_of_events_lost_is_lost_for_events_only() -> None:
    world = totals_and_counts(totals_lost=LAST_THREE)
    assert ask(world, "daily_users_28d") == pytest.approx(4)
    assert ask(world, "usage_trend_slope") == pytest.approx(0)
    assert ask(world, "usage_delta_28d") == pytest.approx(0)
    assert ask(world, "days_since_last_usage") == 1  # of which we know that they stayed away


def test_a_month_without_counts_makes_people_unknown_and_not_events() -> None:
    world = totals_and_counts(counts_lost=range(1, 20))
    assert ask(world, "daily_users_28d") is None
    assert ask(world, "usage_delta_28d") == pytest.approx(0)
