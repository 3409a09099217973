"""Smoothing takes out flicker, not news: hard events pass at once, and no date moves a score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.scoring_world import AS_OF, FROZEN, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig, ScoreConfig
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.smoothing import Memory, smooth


def scored(
    acme: dict[str, float],
    as_of: date = AS_OF,
    previous: pd.DataFrame | None = None,
    *,
    model_id: str = "hand-1",
    smoothing: bool = True,
    anchors: Mapping[int, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    champion: Any = HandChampion(reference=FROZEN, model_id=model_id)
    champion.anchors = anchors or champion.anchors
    config = CompanyConfig(score=ScoreConfig(smoothing=smoothing))
    rows = panel({"acme": acme}, as_of)
    return score_accounts(rows, champion, config, as_of=as_of, previous=previous, catalogue=SIGNALS)


def score(frame: pd.DataFrame) -> float:
    return float(frame["score"].iloc[0])


def after(days: int) -> date:
    return AS_OF + timedelta(days=days)


GOOD, BAD = {"usage_delta_28d": 0.0}, {"usage_delta_28d": -0.3}


def test_a_weeks_news_counts_half_and_the_rest_follows() -> None:
    first = scored(GOOD)
    second = scored(BAD, after(7), first)
    third = scored(BAD, after(14), second)
    settled = scored(BAD)["health_log_odds"].iloc[0]

    gaps = [settled - frame["health_log_odds"].iloc[0] for frame in (first, second, third)]

    assert gaps == pytest.approx([1.2, 0.6, 0.3])
    assert score(first) > score(second) > score(third) > score(scored(BAD))


def test_scoring_daily_smooths_no_more_per_week_than_scoring_weekly() -> None:
    daily = weekly = scored(GOOD)
    for day in range(1, 8):
        daily = scored(BAD, after(day), daily)
    weekly = scored(BAD, after(7), weekly)

    assert score(daily) == pytest.approx(score(weekly))


def test_a_nearer_renewal_moves_no_score_and_its_probability_is_not_smoothed() -> None:
    far = scored({"days_to_renewal": 300.0})
    near = scored({"days_to_renewal": 10.0}, after(7), far)

    assert score(near) == score(far)
    assert near["p180"].iloc[0] == scored({"days_to_renewal": 10.0})["p180"].iloc[0]


@pytest.mark.parametrize("event", ["sponsor_change_6m", "escalations_90d"])
def test_a_hard_event_shows_its_full_weight_on_its_first_day(event: str) -> None:
    before = scored(GOOD)
    hit = BAD | {event: 1.0}

    struck = scored(hit, after(1), before)

    assert score(struck) == pytest.approx(score(scored(hit)))
    assert struck["carried"].iloc[0]["events"] == {event: 1.0}


def test_an_event_on_record_does_not_switch_smoothing_off_for_months() -> None:
    known = scored(GOOD | {"escalations_90d": 1.0})

    later = scored(BAD | {"escalations_90d": 1.0}, after(7), known)

    assert score(later) > score(scored(BAD | {"escalations_90d": 1.0}))


def test_a_second_escalation_is_news_again() -> None:
    known = scored(GOOD | {"escalations_90d": 1.0})
    twice = BAD | {"escalations_90d": 2.0}

    assert score(scored(twice, after(7), known)) == pytest.approx(score(scored(twice)))


WIDER = {180: {"p_green": 0.08, "p_red": 0.30}, 90: {"p_green": 0.02, "p_red": 0.1}}


def test_a_new_champion_moves_scores_over_weeks_and_not_overnight() -> None:
    before = scored(BAD, after(-70))
    for weeks in range(-9, 1):
        before = scored(BAD, after(7 * weeks), before)
    settled = score(scored(BAD, anchors=WIDER, model_id="hand-2"))

    first = scored(BAD, after(7), before, anchors=WIDER, model_id="hand-2")
    second = scored(BAD, after(14), first, anchors=WIDER, model_id="hand-2")

    jump = settled - score(before)
    assert jump > 5
    assert score(first) - score(before) == pytest.approx(jump / 2, rel=0.2)
    assert score(second) - score(before) == pytest.approx(jump * 3 / 4, rel=0.2)


def test_the_same_score_on_another_scale_is_gone_on_from_and_not_the_same_log_odds() -> None:
    still = scored(GOOD, after(7), scored(GOOD))

    other = scored(GOOD, after(8), still, anchors=WIDER, model_id="hand-2")

    assert abs(score(other) - score(still)) < abs(score(scored(GOOD, anchors=WIDER)) - score(still)) / 5


def test_what_a_champion_has_handed_over_fades_and_is_told_apart() -> None:
    first = scored(BAD, after(7), scored(BAD), anchors=WIDER, model_id="hand-2")
    second = scored(BAD, after(14), first, anchors=WIDER, model_id="hand-2")

    left = [frame["carried"].iloc[0]["handed"] for frame in (first, second)]

    assert left[1] == pytest.approx(left[0] / 2)
    assert "handed" not in scored(BAD, after(7), scored(BAD))["carried"].iloc[0]


def test_after_the_rules_a_champion_starts_afresh() -> None:
    ruled = scored(GOOD).assign(
        model_id="rules-20260301", health_log_odds=np.nan, carried=[{"meaning": "rules", "events": {}}]
    )

    assert score(scored(BAD, after(7), ruled)) == pytest.approx(score(scored(BAD)))


def test_smoothing_can_be_switched_off() -> None:
    before = scored(GOOD, smoothing=False)
    frame = scored(BAD, after(7), before, smoothing=False)

    assert score(frame) == pytest.approx(score(scored(BAD)))
    assert frame["health_log_odds"].isna().all()
    assert "smoothing" not in frame["waterfall"].iloc[0]


def test_probabilities_are_the_models_own() -> None:
    assert scored(BAD, after(7), scored(GOOD))["p180"].iloc[0] == scored(BAD)["p180"].iloc[0]


def test_what_is_held_back_is_a_step_of_its_own() -> None:
    frame = scored(BAD, after(7), scored(GOOD))
    steps = frame["waterfall"].iloc[0]

    assert steps["smoothing"] > 5
    assert sum(steps.values()) == pytest.approx(score(frame), abs=0.1)


def test_scoring_a_day_again_changes_nothing() -> None:
    first = scored(GOOD)

    once, again = scored(BAD, after(7), first), scored(BAD, after(7), first)

    pd.testing.assert_frame_equal(once, again)


def test_a_day_filled_in_later_ignores_the_days_after_it() -> None:
    first = scored(GOOD)
    future = scored(BAD, after(14), first)

    alone = scored(BAD, after(7), first)
    filled_in = scored(BAD, after(7), pd.concat([first, future.assign(account_id="acme")]))

    pd.testing.assert_frame_equal(filled_in, alone)


logits = st.floats(-9, 3)


@given(logits, logits, st.integers(1, 45), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_average_lies_between_then_and_now_and_never_hides_a_hard_event(
    then: float, now: float, days: int, struck: bool
) -> None:
    memory = Memory(np.array([then]), np.array([float(days)]), [{}])

    health = smooth(np.array([now]), memory, np.array([struck]))[0]

    assert min(then, now) - 1e-9 <= health <= max(then, now) + 1e-9
    if struck:
        assert health >= now
