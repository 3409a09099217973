"""Who is a customer, what is merged, what is unknown: the frame around every signal.

As-of date: 1 March 2026.
"""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World

from customer_health.signals.catalogue import named


@pytest.fixture
def world() -> World:
    return World()


def test_a_churned_account_is_no_customer_until_it_comes_back(world: World) -> None:
    world.contract("acme", ends=None)
    world.outcome("acme", occurred=ago(50))
    assert not world.signals(TODAY).at["acme", "is_customer"]
    world.contract("acme", contract="second", occurred=ago(10))
    assert world.signals(TODAY).at["acme", "is_customer"]


def test_notice_counts_until_a_renewal_takes_it_back(world: World) -> None:
    world.contract_event("acme", kind="notice_given", occurred=ago(30))
    assert world.signals(TODAY).at["acme", "notice_given"]
    world.contract_event("acme", kind="renewed", occurred=ago(10))
    assert not world.signals(TODAY).at["acme", "notice_given"]


def test_facts_of_a_merged_account_belong_to_its_survivor(world: World) -> None:
    world.account("old", merged_into="acme")
    world.account("acme")
    world.ticket("old", occurred=ago(10))
    signals = world.signals(TODAY)
    assert list(signals.index) == ["acme"]
    assert signals.at["acme", "tickets_90d"] == 1


def test_coverage_is_the_share_of_signals_that_are_known(world: World) -> None:
    world.nps("acme", score=5, occurred=ago(3))
    signals = world.signals(TODAY, signals=named(["recent_nps", "csat_180d"]))
    assert signals.at["acme", "coverage"] == 0.5


def test_an_absurd_value_stays_with_its_own_account(world: World) -> None:
    world.message("poison", occurred=ago(3), sentiment=float("inf"))
    world.message("acme", occurred=ago(3), sentiment=0.5)
    assert ask(world, "support_sentiment_90d", "poison") is None
    assert ask(world, "support_sentiment_90d") == 0.5
