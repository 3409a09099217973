"""Candidates: exact, explainable, and the same again after a trip through text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import make_world

from customer_health.errors import DataContractError
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.candidate_list import downsample
from customer_health.model.candidates.constrained_logistic import (
    LogisticRegression,
    fit_ridge,
    fit_signed,
    sigmoid,
)
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.features import Feature, FeatureSet


@pytest.fixture(scope="module")
def sample() -> tuple[FeatureSet, pd.DataFrame, np.ndarray]:
    """A design and labels that depend on it; some signals have gaps."""
    panel = make_world(250, 6, seed=5).panel
    panel.loc[panel.index % 7 == 0, "usage_delta_28d"] = np.nan
    features = FeatureSet.of(panel)
    design = features.design(panel)
    risk = -3 * design["usage_trend_slope"] * 5 - design["days_to_renewal"] / 200
    y = (np.random.default_rng(0).random(len(design)) < sigmoid(risk.to_numpy())).astype(float)
    return features, design, y


def candidates(features: FeatureSet) -> list[Candidate]:
    linear, trees = LogisticRegression(features.features), BoostedTrees(features.features, seed=1)
    corrected = CorrectedLine(features.features, seed=1)
    return [linear, trees, corrected, Blend([linear, trees, corrected]), NaiveBaseline()]


def test_every_candidate_predicts_the_same_from_its_files_and_explains_itself_exactly(sample):
    features, design, y = sample
    for candidate in candidates(features):
        candidate.fit(design, y, np.ones(len(y)))
        again = type(candidate).from_files(candidate.to_files())
        logit = candidate.predict_logit(design)

        assert np.array_equal(logit, again.predict_logit(design)), candidate.kind
        explained = candidate.contributions(design).sum(axis=1) + candidate.base
        assert np.allclose(explained, logit, atol=1e-9), candidate.kind
        assert again.base == candidate.base
        assert set(candidate.contributions(design)) <= {*features.sources, "recent_nps"}


def test_ridge_regression_finds_the_optimum_that_scikit_learn_finds():
    from sklearn.linear_model import LogisticRegression as Reference

    random = np.random.default_rng(2)
    x = random.normal(size=(600, 8))
    y = (random.random(600) < sigmoid(x @ random.normal(size=8) - 2)).astype(float)
    weight = random.uniform(0.5, 4, 600)

    intercept, coefficients = fit_ridge(x, y, weight, penalty=5.0)
    reference = Reference(C=1 / 5.0, tol=1e-10, max_iter=1000).fit(x, y, sample_weight=weight)

    assert coefficients == pytest.approx(reference.coef_[0], abs=1e-5)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_a_correction_adds_what_a_line_cannot_say_and_counts_nothing_twice():
    """Two signals that matter only together; without them the line is right already, and stays."""
    random = np.random.default_rng(4)
    design = pd.DataFrame(random.normal(size=(4000, 3)), columns=["alone", "one", "other"])
    features = [Feature(name, name, "usage", 0) for name in design]
    together = 4.0 * (design["one"] > 0) * (design["other"] > 0)
    left_over = {}
    for name, logit in {"line": design["alone"], "both": design["alone"] + together - 0.5}.items():
        y = (random.random(len(design)) < sigmoid(logit.to_numpy())).astype(float)
        corrected = CorrectedLine(features, seed=1).fit(design, y, np.ones(len(y)))
        added = corrected.predict_logit(design) - corrected.line.predict_logit(design)
        left_over[name] = float(added.std())
        assert sigmoid(corrected.predict_logit(design)).mean() == pytest.approx(y.mean(), abs=0.01)

    assert left_over["both"] > 2 * left_over["line"]


def test_a_fit_that_starts_near_another_ends_at_the_same_optimum():
    random = np.random.default_rng(3)
    x = random.normal(size=(500, 6))
    y = (random.random(500) < sigmoid(x[:, 0] - 1)).astype(float)
    penalty, weight = np.full(6, 3.0), np.ones(500)

    cold = fit_ridge(x, y, weight, penalty)
    warm = fit_ridge(x, y, weight, penalty, start=fit_ridge(x, y, weight, 50.0))

    assert warm[0] == pytest.approx(cold[0], abs=1e-9)
    assert warm[1] == pytest.approx(cold[1], abs=1e-9)


def test_a_perfectly_separable_column_does_not_break_the_fit():
    x = np.concatenate([np.full(50, -1.0), np.full(50, 1.0)])[:, None]

    intercept, coefficients = fit_ridge(x, (x[:, 0] > 0).astype(float), np.ones(100), penalty=1.0)

    assert np.isfinite([intercept, *coefficients]).all()


def test_trees_never_reward_what_can_only_be_bad(sample):
    """More open critical tickets may not lower the risk, whatever the data of one year says."""
    features, design, y = sample
    trees = BoostedTrees(features.features, seed=1).fit(design, y, np.ones(len(y)))
    row = design.iloc[[3] * 6].assign(open_critical_tickets=[0.0, 1, 2, 3, 5, 9])

    assert (np.diff(trees.predict_logit(row)) >= 0).all()


def test_dropping_kept_rows_leaves_probabilities_as_they_are():
    y = np.zeros(100_000)
    y[:500] = 1
    rows, weight = downsample(y, seed=1)

    assert y[rows].sum() == 500
    assert len(rows) < 30_000
    assert weight.sum() == pytest.approx(len(y))


def test_a_plan_that_is_new_is_no_plan_in_particular(sample):
    features, *_ = sample
    panel = make_world(20, 1, seed=6).panel.assign(plan="quantum")

    design = features.design(panel)

    assert not design[[name for name in design if name.startswith("plan=")]].any(axis=None)


def test_a_signal_that_disappeared_is_named(sample):
    features, *_ = sample
    panel = make_world(20, 1, seed=6).panel.drop(columns="power_user_ratio")

    with pytest.raises(DataContractError, match="power_user_ratio"):
        features.design(panel)


def test_signals_that_say_nothing_are_left_out():
    panel = make_world(50, 1, seed=7).panel.assign(contacts_known=3.0, exec_activity_90d=np.nan)

    names = FeatureSet.of(panel).names

    assert "power_user_ratio" in names
    assert not {"contacts_known", "exec_activity_90d"} & set(names)


def test_the_starter_profile_keeps_its_signals_and_the_calendar():
    names = FeatureSet.of(make_world(50, 2, seed=7).panel, "starter_5").sources

    assert "recent_nps" in names
    assert "days_to_renewal" in names
    assert "power_user_ratio" not in names


def test_a_penalty_that_silences_every_signal_leaves_the_renewal_calendar_alone(sample):
    features, design, _ = sample
    y = (design["days_to_renewal"] < 60).to_numpy(float)

    linear = LogisticRegression(features.features, penalty=1e6).fit(design, y, np.ones(len(y)))
    strength = linear.contributions(design).std()

    assert strength["days_to_renewal"] > 1
    assert strength.drop("days_to_renewal").max() < 0.05


def test_a_signal_can_only_push_where_its_direction_says():
    """By chance more critical tickets went with fewer losses; nobody may be told that they help."""
    random = np.random.default_rng(3)
    x = random.normal(size=(800, 2))
    y = (random.random(800) < sigmoid(-1.0 * x[:, 0] + 0.8 * x[:, 1])).astype(float)

    _, free = fit_ridge(x, y, np.ones(800), penalty=1.0)
    _, bound = fit_signed(x, y, np.ones(800), np.ones(2), np.array([1.0, 1.0]))

    assert free[0] < 0
    assert bound[0] == 0
    assert bound[1] > 0


def test_of_many_idle_signals_the_linear_model_keeps_few_and_does_not_shrink_the_one_that_matters():
    random = np.random.default_rng(5)
    names = [f"signal_{i}" for i in range(40)]
    features = [Feature(name, name, "usage", 1) for name in names]
    design = pd.DataFrame(random.normal(size=(3000, 40)), columns=names)
    y = (random.random(3000) < sigmoid(design["signal_0"].to_numpy() - 3)).astype(float)
    weight = np.ones(3000)

    sparing = LogisticRegression(features, repeats=3).fit(design, y, weight)
    plain = LogisticRegression(features, penalty=sparing.penalty).fit(design, y, weight)
    kept, all_of_them = (model.contributions(design).std() for model in (sparing, plain))

    assert kept["signal_0"] > all_of_them["signal_0"]
    assert kept.drop("signal_0").sum() < 0.5 * all_of_them.drop("signal_0").sum()
