"""The tier people see falls at once and rises when the score has meant it for two weeks."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_health.scoring.hysteresis import settle
from customer_health.scoring.tiers import scheme_named, tier_of

START = date(2026, 3, 1)
FOUR = scheme_named("four_tier")


def tiers(readings: list[tuple[int, int]]) -> list[str]:
    """Tiers shown for one account, from (day, score) readings."""
    state: list[dict[str, str]] = [{}]
    shown = []
    for day, score in readings:
        names, state = settle(
            np.array([score]),
            FOUR,
            state,
            as_of=START + timedelta(days=day),
            margin=4,
            confirmation_days=14,
        )
        shown.append(str(names[0]))
    return shown


def test_the_first_reading_shows_its_own_tier() -> None:
    assert tiers([(0, 71)]) == ["Healthy"]


def test_bad_news_is_shown_at_once_however_many_tiers_down() -> None:
    assert tiers([(0, 90), (1, 69), (2, 10)]) == ["Healthy", "Attention", "Critical"]


def test_a_better_tier_is_shown_after_two_weeks_clearly_inside_it() -> None:
    assert tiers([(0, 45), (7, 60), (14, 58), (20, 61), (21, 61)]) == [*["At Risk"] * 4, "Attention"]


def test_a_score_that_only_just_crosses_proves_nothing() -> None:
    assert tiers([(0, 45), (7, 53), (14, 53), (60, 53)]) == ["At Risk"] * 4


def test_one_relapse_starts_the_two_weeks_anew() -> None:
    readings = [(0, 45), (1, 60), (8, 50), (9, 60), (16, 60), (22, 60), (23, 60)]

    assert tiers(readings) == [*["At Risk"] * 6, "Attention"]


def test_the_tier_reached_is_the_best_that_every_reading_supports() -> None:
    assert tiers([(0, 10), (7, 90), (14, 60), (21, 90), (28, 90), (35, 90)]) == [
        "Critical", "Critical", "Critical", "Attention", "Attention", "Healthy",
    ]  # fmt: skip


def test_a_scheme_that_was_renamed_starts_afresh() -> None:
    names, _ = settle(
        np.array([90]), FOUR, [{"shown": "Purple"}], as_of=START, margin=4, confirmation_days=14
    )

    assert names.tolist() == ["Healthy"]


def test_without_margin_and_confirmation_the_tier_is_the_scores_own() -> None:
    names, _ = settle(
        np.array([70]), FOUR, [{"shown": "Critical"}], as_of=START, margin=0, confirmation_days=0
    )

    assert names.tolist() == ["Healthy"]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 100)), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_the_tier_shown_is_never_better_than_the_scores_own(steps: list[tuple[int, int]]) -> None:
    day, readings = 0, []
    for gap, score in steps:
        day += gap
        readings.append((day, score))

    for (_, score), shown in zip(readings, tiers(readings), strict=True):
        assert FOUR.names.index(shown) <= FOUR.names.index(tier_of(score, FOUR))
