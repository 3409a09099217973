"""Who uses the product, how many of them, how often (U1, U5, U6, U8). As-of date: 1 March 2026."""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_usage_trend_slope_is_users_gained_per_day(world: World) -> None:
    """One user a day for 45 days, then two: the line climbs by about a user in 60 days."""
    world.daily_usage("acme", first=ago(90), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(45), last=ago(1), user="ben")
    # slope of a step in the middle of n days: 3n / (2 (n^2 - 1))
    assert ask(world, "usage_trend_slope") == pytest.approx(3 * 90 / (2 * (90**2 - 1)))


def test_days_without_rows_count_as_nobody_active(world: World) -> None:
    """Missing days are not error and no gap: nobody came."""
    world.daily_usage("acme", first=ago(90), last=ago(46), user="ann")
    assert ask(world, "usage_trend_slope") == pytest.approx(-3 * 90 / (2 * (90**2 - 1)))


def test_a_new_customer_has_no_trend_before_two_weeks(world: World) -> None:
    world.daily_usage("acme", first=ago(10), last=ago(1))
    assert ask(world, "usage_trend_slope") is None


def test_a_late_start_is_not_a_rising_trend(world: World) -> None:
    """The 70 days before an account's first usage are not 70 days of nobody."""
    world.daily_usage("acme", first=ago(20), last=ago(1))
    assert ask(world, "usage_trend_slope") == pytest.approx(0)


def test_usage_trend_slope_norm_compares_small_and_large_accounts(world: World) -> None:
    for account, users in (("small", 1), ("large", 5)):
        for user in range(users):
            world.daily_usage(account, first=ago(90), last=ago(46), user=f"u{user}")
    signals = world.signals(TODAY)["usage_trend_slope_norm"]
    assert signals["small"] == pytest.approx(signals["large"])
    assert signals["small"] < -0.9


def test_power_user_ratio_counts_users_active_on_12_of_30_days_per_seat(world: World) -> None:
    world.contract("acme", seats=4)
    world.daily_usage("acme", first=ago(12), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(11), last=ago(1), user="ben")
    assert ask(world, "power_user_ratio") == 0.25


@pytest.mark.parametrize("seats", [0, None])
def test_an_account_without_seats_has_no_ratio(world: World, seats: float | None) -> None:
    """No division by zero: the ratio is unknown."""
    world.contract("acme", seats=seats)
    world.daily_usage("acme", first=ago(20), last=ago(1))
    assert ask(world, "power_user_ratio") is None
    assert ask(world, "active_users_per_seat_28d") is None


def test_active_users_28d_counts_people_not_visits(world: World) -> None:
    for day in (1, 2, 28):
        world.usage("acme", occurred=ago(day), user="ann")
    world.usage("acme", occurred=ago(29), user="ben")  # a day too early
    assert ask(world, "active_users_28d") == 1


def test_active_users_per_seat_28d_is_seat_utilisation(world: World) -> None:
    world.contract("acme", seats=5)
    world.usage("acme", occurred=ago(2), user="ann")
    assert ask(world, "active_users_per_seat_28d") == 0.2


def test_a_source_that_knows_only_accounts_says_nothing_about_users(world: World) -> None:
    world.usage("acme", occurred=ago(2), user="")
    assert ask(world, "active_users_28d") is None
    assert ask(world, "days_since_last_usage") == 2


def test_daily_users_28d_is_the_mean_of_the_days(world: World) -> None:
    """Ann comes every day, Ben on half of them: one and a half users on an average day."""
    world.contract("acme", seats=10)
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann")
    world.daily_usage("acme", first=ago(14), last=ago(1), user="ben")
    assert ask(world, "daily_users_28d") == 1.5
    assert ask(world, "daily_users_per_seat_28d") == pytest.approx(0.15)


def test_days_before_the_first_usage_do_not_dilute_the_daily_users(world: World) -> None:
    world.daily_usage("acme", first=ago(7), last=ago(1))
    assert ask(world, "daily_users_28d") == 1


def test_stickiness_28d_is_daily_over_monthly_users(world: World) -> None:
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann")
    world.usage("acme", occurred=ago(2), user="ben")
    assert ask(world, "stickiness_28d") == pytest.approx(29 / 28 / 2)


def test_active_users_7d_is_the_weekly_level_and_per_seat(world: World) -> None:
    world.contract("acme", seats=4)
    world.usage("acme", occurred=ago(7), user="ann")
    world.usage("acme", occurred=ago(8), user="ben")
    assert ask(world, "active_users_7d") == 1
    assert ask(world, "active_users_per_seat_7d") == 0.25


def test_active_users_delta_7d_and_active_users_delta_28d_compare_people(world: World) -> None:
    for user in ("ann", "ben"):
        world.daily_usage("acme", first=ago(60), last=ago(29), user=user)
    world.daily_usage("acme", first=ago(28), last=ago(1), user="ann", events=500)
    assert ask(world, "active_users_delta_28d") == -0.5
    assert ask(world, "active_users_delta_7d") == 0
