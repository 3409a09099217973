"""How do they speak about us? (B4, B5, B8) As-of date: 1 March 2026."""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import ago, ask
from tests.lib.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_support_sentiment_90d_is_what_customers_wrote_not_we(world: World) -> None:
    world.message("acme", occurred=ago(3), sentiment=0.2)
    world.message("acme", occurred=ago(4), sentiment=0.4)
    world.message("acme", occurred=ago(4), sentiment=1.0, author="agent")
    world.message("acme", occurred=ago(4), sentiment=None)
    assert ask(world, "support_sentiment_90d") == pytest.approx(0.3)


def test_call_sentiment_90d_is_the_mood_of_calls(world: World) -> None:
    world.interaction("acme", kind="call", occurred=ago(3), sentiment=0.9)
    assert ask(world, "call_sentiment_90d") == 0.9


def test_an_nps_of_zero_is_a_score(world: World) -> None:
    """The angriest customer must not look like one who never answered."""
    world.nps("acme", score=9, occurred=ago(60))
    world.nps("acme", score=0, occurred=ago(30))
    world.account("never_answered")
    assert ask(world, "recent_nps") == 0
    assert ask(world, "recent_nps", "never_answered") is None


def test_recent_nps_expires_after_180_days(world: World) -> None:
    world.nps("acme", score=9, occurred=ago(181))
    assert ask(world, "recent_nps") is None
    assert ask(world, "nps_age_days") == 181


def test_nps_age_days_is_the_age_of_the_latest_answer(world: World) -> None:
    world.nps("acme", score=9, occurred=ago(50))
    world.nps("acme", score=2, occurred=ago(20))
    assert ask(world, "nps_age_days") == 20


def test_csat_180d_is_the_mean_of_half_a_year(world: World) -> None:
    world.csat("acme", score=5, occurred=ago(20))
    world.csat("acme", score=2, occurred=ago(120))
    world.nps("acme", score=10, occurred=ago(5))
    assert ask(world, "csat_180d") == 3.5


def test_support_sentiment_recent_90d_weighs_what_they_say_now(world: World) -> None:
    """A message of 30 days ago counts half of one of today; two messages are no mood."""
    world.message("acme", occurred=ago(60), sentiment=1.0)
    world.message("acme", occurred=ago(30), sentiment=0.5)
    assert ask(world, "support_sentiment_recent_90d") is None
    world.message("acme", occurred=ago(30), sentiment=0.0)
    assert ask(world, "support_sentiment_recent_90d") == pytest.approx((0.5 * 1 + 0.5 + 0) / 2.5)


def test_support_sentiment_change_90d_sees_the_mood_turn(world: World) -> None:
    for day in (10, 11, 12):
        world.message("acme", occurred=ago(day), sentiment=0.2)
        world.message("acme", occurred=ago(day + 90), sentiment=0.9)
    assert ask(world, "support_sentiment_change_90d") == pytest.approx(-0.7)


def test_nps_answered_365d_tells_silence_from_a_bad_answer(world: World) -> None:
    world.nps("angry", score=0, occurred=ago(300))
    world.account("silent")
    assert ask(world, "nps_answered_365d", "angry") == 1
    assert ask(world, "nps_answered_365d", "silent") == 0
