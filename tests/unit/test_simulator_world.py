"""The world: same seed, same company; and its losses come as often as they should."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_health.errors import ConfigurationError
from customer_health.simulator.behaviour import CONTRACTION, DOWNGRADE, EXPANSION, LOGO, UPGRADE, is_customer
from customer_health.simulator.world import MERGED, World, simulate

MONDAY = date(2024, 1, 1)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [simulate(seed, 3000, 130, start=MONDAY) for seed in (1, 2, 3)]


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), shorter=st.integers(1, 40), longer=st.integers(0, 30))
def test_a_longer_run_repeats_the_shorter_one_and_goes_on(seed: int, shorter: int, longer: int) -> None:
    """Tomorrow's data must not change what happened yesterday."""
    first = simulate(seed, 80, shorter, start=MONDAY)
    second = simulate(seed, 80, shorter + longer, start=MONDAY)

    assert np.array_equal(first.events, second.events[:shorter])
    for name, values in first.history.items():
        assert np.array_equal(values, second.history[name][: shorter + 1]), name


def test_losses_and_growth_come_as_often_as_in_the_design(worlds: list[World]) -> None:
    """Per account and year; outages move single seeds, so three are pooled."""
    years = sum(
        is_customer(world.accounts, world.state(week), week).sum() / 52
        for world in worlds
        for week in range(130)
    )

    def rate(*kinds: int) -> float:
        return float(sum(np.isin(world.events, kinds).sum() for world in worlds) / years)

    assert 0.040 < rate(LOGO) < 0.080
    assert 0.140 < rate(CONTRACTION) < 0.190
    assert 0.022 < rate(DOWNGRADE) < 0.042
    assert 0.205 < rate(EXPANSION, UPGRADE) < 0.270


def test_nobody_leaves_twice_or_lives_on_after_leaving(worlds: list[World]) -> None:
    for world in worlds:
        ends = ((world.events == LOGO) | (world.events == MERGED)).sum(axis=0)
        weeks = np.arange(world.weeks)[:, None]
        assert ends.max() == 1
        assert not world.events[weeks > world.last_week].any()
        assert not world.events[weeks < world.accounts.start].any()


def test_latent_states_stay_finite(worlds: list[World]) -> None:
    assert all(np.isfinite(values).all() for world in worlds for values in world.history.values())


def test_treating_an_account_changes_nothing_before_the_treatment() -> None:
    plain = simulate(5, 100, 40, start=MONDAY)
    treated = simulate(5, 100, 40, start=MONDAY, treatments={20: [3, 4]})

    assert np.array_equal(plain.history["health"][:21], treated.history["health"][:21])
    assert (treated.history["health"][21, [3, 4]] > plain.history["health"][21, [3, 4]]).all()


def test_a_week_that_starts_on_another_day_is_refused_with_the_right_one() -> None:
    with pytest.raises(ConfigurationError, match="not a Monday") as refused:
        simulate(1, 10, 5, start=date(2024, 1, 3))
    assert "2024-01-01" in refused.value.hint


def test_a_week_beyond_the_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Week 7"):
        simulate(1, 10, 5, start=MONDAY).state(7)
