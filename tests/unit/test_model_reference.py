"""The frozen average account: what scoring counts points from until the next training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import CONFIG, LAST, MONTHS, SIZE, make_world, trained

from customer_health.model.data.fixed_distance import at_reference
from customer_health.model.data.labels import eligible
from customer_health.model.data.training_panel import prepare
from customer_health.model.registry.champion import Champion
from customer_health.scoring.daily_scores import score_accounts


def champion() -> Champion:
    found = trained().champion
    assert found is not None
    return found


def test_every_date_moves_to_the_reference_day_and_takes_what_counts_down_with_it_along():
    rows = pd.DataFrame(
        {
            "days_to_renewal": [10.0, 300.0, np.nan],
            "days_to_notice_deadline": [-20.0, 270.0, 5.0],
            "tenure_days": [355, 65, 800],
        }
    )

    moved = at_reference(rows, 180)

    assert moved["days_to_renewal"].tolist()[:2] == [119, 119]
    assert moved["days_to_notice_deadline"].tolist() == [89, 89, 5]
    assert moved["tenure_days"].tolist() == [246, 246, 800]
    assert np.isnan(moved["days_to_renewal"].iloc[2])


def test_base_and_mean_contributions_add_up_to_the_mean_health():
    found = champion()
    assert found.health is not None
    average = found.reference[found.health_horizon]

    total = found.health.base + sum(average["contributions"].values())

    assert total == pytest.approx(average["log_odds"], abs=1e-6)


def test_on_the_training_day_the_frozen_average_is_that_of_the_scored_portfolio():
    """Scores, reasons and waterfalls are those that scoring makes from the day's own average."""
    rows = prepare(make_world(SIZE, MONTHS, seed=1).panel)
    rows = rows[eligible(rows, CONFIG.model)]
    frozen = score_accounts(rows, champion(), CONFIG, as_of=LAST)
    averaged = score_accounts(rows, replace(champion(), reference={}), CONFIG, as_of=LAST)

    assert len(frozen) > SIZE / 2
    for one, other in zip(frozen["waterfall"], averaged["waterfall"], strict=True):
        assert list(one) == list(other)
        assert np.allclose(list(one.values()), list(other.values()), atol=0.02)
    assert np.allclose(frozen["score"], averaged["score"])
