"""The frozen average account: what scoring counts points from until the next training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.lib.model_worlds import CONFIG, LAST, MONTHS, SIZE, make_world, trained

from customer_health.model.data.labels import eligible
from customer_health.model.data.training_panel import prepare
from customer_health.model.registry import reference_account
from customer_health.model.registry.champion import Champion
from customer_health.scoring import smoothing
from customer_health.scoring.daily_scores import score_accounts


def champion() -> Champion:
    found = trained().champion
    assert found is not None
    return found


def test_model_and_scoring_judge_signals_at_the_same_distance_from_the_renewal():
    assert reference_account.REFERENCE_DAYS == smoothing.REFERENCE_DAYS


def test_base_and_mean_contributions_add_up_to_the_mean_risk():
    """At the longest horizon: a shorter one's risk may be capped by it, which is no signal's doing."""
    average = champion().reference[180]

    total = champion().base(180) + sum(average["contributions"].values())

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
