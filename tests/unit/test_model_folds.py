"""The embargo is not a habit but a property of every fold that exists."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.model.data.folds import EmbargoError, Fold, walk_forward
from customer_health.model.data.training_panel import as_of_dates

DAYS = st.dates(date(2023, 1, 1), date(2026, 1, 1)).map(pd.Timestamp)


def test_a_fold_without_embargo_cannot_be_built():
    """Labels of February's rows are complete in May; a model trained in April cannot know them."""
    with pytest.raises(EmbargoError, match="2025-05-02"):
        Fold(pd.Timestamp("2025-04-01"), (pd.Timestamp("2025-02-01"),), horizon_days=90)


def test_a_fold_may_use_labels_that_close_on_its_day():
    fold = Fold(pd.Timestamp("2025-05-02"), (pd.Timestamp("2025-02-01"),), horizon_days=90)

    assert fold.label_close == fold.train_date


@given(train_date=DAYS, train_dates=st.lists(DAYS, max_size=6), horizon=st.integers(-10, 400))
def test_whatever_is_asked_for_no_fold_trains_on_its_future(train_date, train_dates, horizon):
    try:
        fold = Fold(train_date, tuple(train_dates), horizon)
    except EmbargoError:
        return
    assert all(day + pd.Timedelta(days=horizon) <= train_date for day in fold.train_dates)
    assert fold.horizon_days > 0
    assert fold.train_dates


@given(
    dates=st.lists(DAYS, unique=True, max_size=40),
    horizon=st.sampled_from([30, 90, 180]),
    as_of=DAYS,
    least=st.integers(1, 5),
)
def test_planned_folds_learn_from_the_past_and_are_judged_on_complete_labels(dates, horizon, as_of, least):
    folds = walk_forward(dates, horizon_days=horizon, as_of=as_of, min_train_dates=least, max_folds=4)

    assert len(folds) <= 4
    assert [fold.train_date for fold in folds] == sorted({fold.train_date for fold in folds})
    for fold in folds:
        assert fold.label_close <= fold.train_date
        assert fold.matured_on <= as_of
        assert len(fold.train_dates) >= least


def test_two_years_of_months_leave_ten_folds_at_90_days_and_seven_at_180():
    dates = [pd.Timestamp(day) for day in as_of_dates(date(2026, 1, 15), months=24)]

    for horizon, count, last in ((90, 10, "2025-10-01"), (180, 7, "2025-07-01")):
        folds = walk_forward(dates, horizon_days=horizon, as_of=pd.Timestamp("2026-01-15"))
        assert len(folds) == count
        assert folds[-1].train_date == pd.Timestamp(last)


def test_six_months_are_too_short_for_any_fold_at_180_days():
    dates = [pd.Timestamp(day) for day in as_of_dates(date(2026, 1, 15), months=6)]

    assert walk_forward(dates, horizon_days=180, as_of=pd.Timestamp("2026-01-15")) == []


def test_as_of_dates_are_firsts_of_months_up_to_the_training_date():
    assert as_of_dates(date(2026, 2, 1), months=3) == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert as_of_dates(date(2026, 1, 31), months=2) == [date(2025, 12, 1), date(2026, 1, 1)]
