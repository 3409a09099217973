"""What they do with the product: core actions, features, depth, silence (U2, U3, U4, U7, B9).

As-of date: 1 March 2026.
"""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World

from customer_health.company import CompanyConfig


@pytest.fixture
def world() -> World:
    return World()


def test_core_action_delta_30d_is_the_change_against_the_30_days_before() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.daily_usage("acme", first=ago(60), last=ago(31), feature="export", events=10)
    world.daily_usage("acme", first=ago(30), last=ago(1), feature="export", events=8)
    world.daily_usage("acme", first=ago(30), last=ago(1), feature="login", events=500)  # no core action
    assert ask(world, "core_action_delta_30d") == pytest.approx(-0.2)


def test_core_actions_are_those_of_the_accounts_plan() -> None:
    lists = {"Pro": ["api"], "default": ["export"]}
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": lists}}))
    for account, plan in (("acme", "Pro"), ("zeta", "Basic")):
        world.contract(account, plan=plan)
        world.daily_usage(account, first=ago(60), last=ago(31), feature="api")
        world.daily_usage(account, first=ago(60), last=ago(1), feature="export")
    assert ask(world, "core_action_delta_30d", "acme") == -1
    assert ask(world, "core_action_delta_30d", "zeta") == 0


@pytest.mark.parametrize(
    ("months", "sds"),
    [
        ([40, 30], 10 / 70**0.5),  # oldest first; nothing earlier: counts of their own accord
        ([40, 40, 41, 40, 30], 10 / 70**0.5),  # steady: no wider than that
        ([40, 10, 40, 10, 40, 30], 10 / (18 * 70) ** 0.5),  # up and down by 30 is usual here: 900 / 50
        ([0, 0], None),
    ],
)
def test_core_action_fall_sd_measures_a_fall_by_the_accounts_own_ups_and_downs(
    months: list[int], sds: float | None
) -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.daily_usage("acme", first=ago(30 * len(months)), last=ago(1), feature="login", events=1)
    for back, events in enumerate(reversed(months)):
        if events:
            world.usage("acme", occurred=ago(30 * back + 5), feature="export", events=events)
    assert ask(world, "core_action_fall_sd") == (None if sds is None else pytest.approx(sds))


def test_usage_delta_28d_needs_telemetry_for_both_windows(world: World) -> None:
    world.daily_usage("acme", first=ago(56), last=ago(29), events=4)
    world.daily_usage("acme", first=ago(28), last=ago(1), events=3)
    world.daily_usage("young", first=ago(40), last=ago(1))
    signals = world.signals(TODAY)["usage_delta_28d"]
    assert signals["acme"] == pytest.approx(-0.25)
    assert signals.isna()["young"]


def test_feature_adoption_score_is_the_share_of_key_features_in_use() -> None:
    key = ["report", "api", "sso", "export"]
    world = World(CompanyConfig.model_validate({"usage": {"key_features": {"default": key}}}))
    world.usage("acme", occurred=ago(3), feature="report")
    world.usage("acme", occurred=ago(9), feature="api")
    world.usage("acme", occurred=ago(40), feature="sso")  # too long ago
    world.usage("acme", occurred=ago(3), feature="wiki")  # no key feature
    assert ask(world, "feature_adoption_score") == 0.5


def test_without_a_list_every_feature_seen_so_far_is_key(world: World) -> None:
    world.usage("acme", occurred=ago(3), feature="report")
    world.usage("zeta", occurred=ago(3), feature="api")
    world.usage("zeta", occurred="2026-03-04", feature="launched_later")
    assert ask(world, "feature_adoption_score") == 0.5
    assert ask(world, "feature_adoption_score", as_of="2026-03-05") == pytest.approx(1 / 3)


def test_advanced_usage_share_30d_is_depth_of_use() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"advanced_features": {"default": ["api"]}}}))
    world.usage("acme", occurred=ago(2), feature="api", events=1)
    world.usage("acme", occurred=ago(2), feature="report", events=3)
    assert ask(world, "advanced_usage_share_30d") == 0.25


def test_days_since_last_usage_is_unknown_without_any_usage(world: World) -> None:
    world.usage("acme", occurred=ago(5))
    world.account("never")
    assert ask(world, "days_since_last_usage") == 5
    assert ask(world, "days_since_last_usage", "never") is None


def test_silent_account_has_neither_logins_nor_tickets(world: World) -> None:
    """Ten frustrated tickets are a better sign than silence."""
    for account in ("silent", "frustrated"):
        world.usage(account, occurred=ago(60))
    world.ticket("frustrated", occurred=ago(5))
    assert ask(world, "silent_account", "silent") == 1
    assert ask(world, "silent_account", "frustrated") == 0


def test_core_actions_per_user_30d_is_how_much_each_gets_done() -> None:
    world = World(CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["export"]}}}))
    world.usage("acme", occurred=ago(2), user="ann", feature="export", events=6)
    world.usage("acme", occurred=ago(2), user="ben", feature="login", events=50)
    assert ask(world, "core_actions_per_user_30d") == 3


def test_bulk_exports_30d_needs_a_list_of_export_features(world: World) -> None:
    """Customers who look around take their data with them; without a list we cannot tell."""
    listed = World(CompanyConfig.model_validate({"usage": {"export_features": {"default": ["dump"]}}}))
    for one in (world, listed):
        one.usage("acme", occurred=ago(2), feature="dump", events=7)
    assert ask(listed, "bulk_exports_30d") == 7
    assert ask(world, "bulk_exports_30d") is None
