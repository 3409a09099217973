"""Fast metrics against their definitions, written down slowly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.evaluation.metrics import (
    BINS,
    Sample,
    account_draws,
    auc,
    average_precision,
    brier,
    calendar_auc,
    calendar_strata,
    calibration_error,
    interval,
    mass_bins,
    predicted_to_observed,
    recall_at,
)

ROW = st.tuples(st.integers(0, 4), st.sampled_from([0.0, 1.0]), st.integers(0, 2), st.integers(0, 3))
ROWS = st.lists(ROW, min_size=1, max_size=25)


def columns(rows: list[tuple[int, float, int, int]]) -> tuple[np.ndarray, Sample, np.ndarray]:
    score, y, strata, weight = (np.array(column) for column in zip(*rows, strict=True))
    return score.astype(float), Sample(y.astype(float), strata, np.vstack([np.ones(len(y)), weight])), weight


def slow_auc(score, y, weight, strata) -> float:
    won = pairs = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            if strata[i] == strata[j]:
                pairs += weight[i] * weight[j]
                won += weight[i] * weight[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    return won / pairs if pairs else np.nan


@given(ROWS)
def test_auc_counts_pairs_and_half_of_the_ties(rows):
    score, sample, weight = columns(rows)
    one_stratum = np.zeros(len(score))

    expected = [slow_auc(score, sample.y, w, one_stratum) for w in (np.ones(len(score)), weight)]
    assert auc(score, sample).values == pytest.approx(expected, nan_ok=True)


@given(ROWS)
def test_calendar_auc_compares_within_a_stratum_only(rows):
    score, sample, weight = columns(rows)

    expected = [slow_auc(score, sample.y, w, sample.strata) for w in (np.ones(len(score)), weight)]
    assert calendar_auc(score, sample).values == pytest.approx(expected, nan_ok=True)


@given(ROWS)
def test_ranking_metrics_agree_with_scikit_learn(rows):
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    score, sample, weight = columns(rows)
    if sample.y.sum() == 0:
        return
    assert average_precision(score, sample).values[0] == pytest.approx(
        average_precision_score(sample.y, score)
    )
    logit = score / 10
    assert brier(logit, sample).values[0] == pytest.approx(brier_score_loss(sample.y, sigmoid(logit)))
    for draw, drawn in enumerate((np.ones(len(score)), weight)):
        if len(set(sample.y[drawn > 0])) == 2:
            theirs = roc_auc_score(sample.y, score, sample_weight=drawn)
            assert auc(score, sample).values[draw] == pytest.approx(theirs)


def test_bins_of_equal_size_are_those_of_scikit_learns_calibration_curve():
    from sklearn.calibration import calibration_curve

    random = np.random.default_rng(9)
    p = random.permutation(np.linspace(0.01, 0.6, 200))
    y = (random.random(200) < p).astype(float)
    observed, predicted = calibration_curve(y, p, n_bins=BINS, strategy="quantile")
    bins = mass_bins(p)

    assert [y[bins == number].mean() for number in range(BINS)] == pytest.approx(list(observed))
    assert [p[bins == number].mean() for number in range(BINS)] == pytest.approx(list(predicted))
    sample = Sample(y, np.zeros(200, int), np.ones((1, 200)))
    error = calibration_error(np.log(p / (1 - p)), sample).values[0]
    assert error == pytest.approx(np.abs(observed - predicted).mean())


def test_recall_at_capacity_breaks_ties_on_average():
    """Ten accounts alike: a tenth of them holds, on average, a tenth of the losses."""
    sample = Sample(np.array([1.0] * 2 + [0.0] * 8), np.zeros(10, int), np.ones((1, 10)))

    assert recall_at(np.zeros(10), sample, 0.1).values[0] == pytest.approx(0.1)
    assert recall_at(np.arange(10.0)[::-1], sample, 0.1).values[0] == pytest.approx(0.5)


def test_a_calendar_model_has_no_skill_within_the_calendar():
    random = np.random.default_rng(3)
    days = random.integers(0, 365, 4000).astype(float)
    y = (random.random(4000) < np.where(days < 90, 0.3, 0.01)).astype(float)
    sample = Sample(y, calendar_strata(days), np.ones((1, 4000)))
    score = -(days // 28)

    assert auc(score, sample).values[0] > 0.8
    assert calendar_auc(score, sample).values[0] == pytest.approx(0.5, abs=0.01)


def test_true_probabilities_are_calibrated():
    random = np.random.default_rng(4)
    logit = random.normal(-3, 1, 20000)
    y = (random.random(20000) < 1 / (1 + np.exp(-logit))).astype(float)
    sample = Sample(y, np.zeros(20000, int), np.ones((1, 20000)))

    assert calibration_error(logit, sample).values[0] < 0.01
    assert predicted_to_observed(logit, sample).values[0] == pytest.approx(1, abs=0.1)
    assert predicted_to_observed(logit + 1, sample).values[0] > 2


def test_all_rows_of_an_account_are_drawn_together_and_repeatably():
    accounts = pd.Series(["a", "b", "b", "c"])
    draws = account_draws(accounts, 50, seed=1)

    assert (draws[0] == 1).all()
    assert draws.sum(axis=0).eq(3).all()
    assert draws.equals(account_draws(accounts.iloc[::-1], 50, seed=1))


def test_intervals_leave_out_draws_that_hold_nothing_to_compare():
    assert interval(np.array([0.7, np.nan, 0.6, 0.8])) == pytest.approx((0.61, 0.79))
    assert all(np.isnan(interval(np.array([0.7, np.nan]))))
