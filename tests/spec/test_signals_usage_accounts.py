"""Use of an account whose tool knows no users: account, day and a number (U1, U4, U8).

As-of date: 1 March 2026.
"""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import ago, ask
from tests.lib.world import World

from customer_health.company import CompanyConfig


@pytest.fixture
def world() -> World:
    return World()


def test_events_per_seat_28d_is_how_much_every_licence_is_worth(world: World) -> None:
    world.contract("acme", seats=20)
    world.contract("unlicensed", seats=None)
    for account in ("acme", "unlicensed"):
        world.daily_usage(account, first=ago(40), last=ago(1), user="", events=5)
    assert ask(world, "events_per_seat_28d") == 28 * 5 / 20
    assert ask(world, "events_per_seat_28d", "unlicensed") is None  # no seats: unknown, not zero


def test_events_per_seat_28d_is_zero_for_a_customer_who_stopped(world: World) -> None:
    world.contract("acme", seats=20)
    world.usage("acme", occurred=ago(60), user="")
    assert ask(world, "events_per_seat_28d") == 0


def test_core_actions_per_seat_30d_leaves_out_the_clicking_around() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.contract("acme", seats=4)
    world.usage("acme", occurred=ago(2), user="", feature="export", events=6)
    world.usage("acme", occurred=ago(2), user="", feature="login", events=50)
    assert ask(world, "core_actions_per_seat_30d") == 1.5


def test_usage_vs_own_baseline_28d_compares_an_account_with_its_own_half_year(world: World) -> None:
    """Ten a day for six months, seven a day for the last four weeks: 30 % below their usual."""
    for account, size in (("small", 1), ("large", 100)):
        world.daily_usage(account, first=ago(208), last=ago(29), user="", events=10 * size)
        world.daily_usage(account, first=ago(28), last=ago(1), user="", events=7 * size)
    assert ask(world, "usage_vs_own_baseline_28d", "small") == pytest.approx(-0.3)
    assert ask(world, "usage_vs_own_baseline_28d", "large") == pytest.approx(-0.3)


def test_a_slow_decline_still_shows_against_the_own_baseline(world: World) -> None:
    """Two bad months in a row look steady month on month; half a year remembers better."""
    world.daily_usage("acme", first=ago(208), last=ago(57), user="", events=10)
    world.daily_usage("acme", first=ago(56), last=ago(1), user="", events=5)
    assert ask(world, "usage_delta_28d") == 0
    assert ask(world, "usage_vs_own_baseline_28d") == pytest.approx(-0.46, abs=0.01)


def test_a_baseline_needs_eight_weeks_of_history(world: World) -> None:
    world.daily_usage("young", first=ago(83), last=ago(1), user="")
    world.daily_usage("old_enough", first=ago(84), last=ago(1), user="")
    assert ask(world, "usage_vs_own_baseline_28d", "young") is None
    assert ask(world, "usage_vs_own_baseline_28d", "old_enough") == 0


def test_active_days_7d_is_how_many_days_of_the_week_they_came(world: World) -> None:
    for day in (1, 1, 5, 7, 8):
        world.usage("acme", occurred=ago(day), user="")
    assert ask(world, "active_days_7d") == 3


def test_active_days_28d_counts_days_with_anybody(world: World) -> None:
    for day in (1, 1, 5, 28, 29):
        world.usage("acme", occurred=ago(day), user="")
    assert ask(world, "active_days_28d") == 3
