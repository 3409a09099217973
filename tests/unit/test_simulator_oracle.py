"""The oracle: its probabilities are what then happens, as often as it says."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.oracle import oracle, true_drivers, true_probability

from customer_health.errors import ConfigurationError
from customer_health.simulator.behaviour import CONTRACTION, DOWNGRADE, LOGO
from customer_health.simulator.contract_events import notices
from customer_health.simulator.world import World, simulate

WEEKS = (40, 66, 92)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(3, 3000, 130, start=date(2024, 1, 1))


@pytest.fixture(scope="module")
def told(world: World) -> dict[int, pd.DataFrame]:
    return {week: oracle(world, week, (90, 180), paths=16) for week in WEEKS}


def realised(world: World, week: int, kind: int, days: int, ids: pd.Index) -> np.ndarray:
    ahead = np.arange(26)[:, None] * 7 + world.accounts.weekday
    happened = ((world.events[week : week + 26] == kind) & (ahead <= days)).any(axis=0)
    return happened[[world.account_ids.index(name) for name in ids]]


@pytest.mark.parametrize(
    ("head", "kind"), [("logo", LOGO), ("contraction", CONTRACTION), ("downgrade", DOWNGRADE)]
)
@pytest.mark.parametrize("days", [90, 180])
def test_as_many_losses_happen_as_the_oracle_expects(
    world: World, told: dict[int, pd.DataFrame], head: str, kind: int, days: int
) -> None:
    """Within four standard errors, over three dates; outages are shared, so errors are a little wider."""
    expected, variance, happened = 0.0, 0.0, 0
    for week, table in told.items():
        p = table[f"{head}_{days}"]
        expected, variance = expected + p.sum(), variance + (p * (1 - p)).sum()
        happened += int(realised(world, week, kind, days, table.index).sum())
    assert abs(happened - expected) < 4 * np.sqrt(variance)


def test_accounts_that_the_oracle_fears_for_do_leave_more_often(
    world: World, told: dict[int, pd.DataFrame]
) -> None:
    p = pd.concat([table["logo_180"] for table in told.values()])
    y = np.concatenate([realised(world, week, LOGO, 180, table.index) for week, table in told.items()])
    worst = p.to_numpy() >= np.quantile(p, 0.9)
    assert y[worst].mean() > 4 * y[~worst].mean()


def test_a_longer_horizon_is_never_safer(told: dict[int, pd.DataFrame]) -> None:
    for table in told.values():
        for head in ("logo", "downgrade", "contraction"):
            assert (table[f"{head}_90"] <= table[f"{head}_180"]).all()
            assert table[f"{head}_180"].between(0, 1).all()


def test_the_oracle_says_the_same_twice(world: World, told: dict[int, pd.DataFrame]) -> None:
    pd.testing.assert_frame_equal(oracle(world, 40, (90, 180), paths=16), told[40])


def test_intervening_helps_on_average(world: World) -> None:
    plain, treated = oracle(world, 60, (180,), paths=16), oracle(world, 60, (180,), paths=16, dose=1.0)
    assert treated["logo_180"].mean() < 0.9 * plain["logo_180"].mean()


def test_who_has_given_notice_is_certain_and_silence_is_good_news(world: World) -> None:
    as_of = world.day(80) + timedelta(days=2)
    with_notice = true_probability(world, as_of, 90, paths=16)
    bare = true_probability(world, as_of, 90, given_notice=False, paths=16)
    spoken = pd.Series(notices(world) < np.datetime64(as_of), index=world.account_ids)[with_notice.index]

    assert spoken.any()
    assert with_notice[spoken].isin([0.0, 1.0]).all()
    assert (with_notice[~spoken] <= bare[~spoken] + 1e-9).all()


def test_drivers_name_the_missing_sponsor(world: World) -> None:
    as_of = world.day(80)
    drivers = true_drivers(world, as_of)
    gap = pd.Series(world.state(80).sponsor_gap, index=world.account_ids)[drivers.index]
    assert (drivers["sponsor"][gap == 0] == 0).all()
    assert (drivers["sponsor"][gap > 16] > 0.6).all()


def test_a_horizon_of_no_days_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="days ahead"):
        oracle(world, 10, (0,))
