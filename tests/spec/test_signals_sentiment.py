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


def test_survey_sentiment_180d_is_the_mood_of_comments(world: World) -> None:
    world.add("surveys", "acme", ago(30), None, kind="nps", score=3, sentiment=0.2)
    world.add("surveys", "acme", ago(40), None, kind="csat", score=5, sentiment=0.8)
    world.add("surveys", "acme", ago(200), None, kind="csat", score=5, sentiment=1.0)
    assert ask(world, "survey_sentiment_180d") == 0.5


def _says(world: World, topic: str, days: int) -> None:
    world.add("text_topics", "acme", ago(days), None, topic=topic, confidence=0.9)


def test_competitor_mentions_180d_and_discount_requests_180d_count_what_messages_say(world: World) -> None:
    for days in (10, 100, 181):
        _says(world, "names_competitor", days)
        _says(world, "asks_for_discount", days)
    world.account("silent")
    for signal in ("competitor_mentions_180d", "discount_requests_180d"):
        assert ask(world, signal) == 2
        assert ask(world, signal, "silent") == 0


def test_export_requests_90d_and_asks_to_cancel_90d_count_what_they_want(world: World) -> None:
    for days in (10, 100):
        _says(world, "asks_for_export", days)
        _says(world, "asks_to_cancel", days)
    assert ask(world, "export_requests_90d") == 1
    assert ask(world, "asks_to_cancel_90d") == 1


def test_no_model_may_learn_from_those_who_ask_to_cancel(world: World) -> None:
    """It all but is the outcome: people hear of it, and the gate refuses a design that holds it."""
    from customer_health.model.data.features import FeatureSet
    from customer_health.model.evaluation.training_gates import LeakageError, forbid_outcome_names

    world.account("quiet")
    for topic in ("asks_to_cancel", "names_competitor"):
        _says(world, topic, 10)
    sources = FeatureSet.of(world.panel("2026-03-01").reset_index()).sources
    assert "competitor_mentions_180d" in sources
    assert "asks_to_cancel_90d" not in sources
    with pytest.raises(LeakageError, match="asks_to_cancel_90d"):
        forbid_outcome_names(["asks_to_cancel_90d"])


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
    """A message of 30 days ago counts half of one of today; two messages are not mood."""
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
