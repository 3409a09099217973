"""Who counts as lost, and what nobody could have known yet."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from customer_health.company import ModelConfig
from customer_health.errors import ConfigurationError
from customer_health.model.data.labels import eligible, outcome_labels

TRAINED = date(2026, 1, 1)


def label(
    as_of: str,
    *outcomes: tuple[str, str],
    kind: str = "logo_churn",
    horizon: int = 90,
    head: str = "logo_churn",
    trained: date = TRAINED,
) -> float:
    """Label of one account at `as_of`, given its outcomes as (effective, logged)."""
    rows = pd.DataFrame({"account_id": ["acme"], "as_of": [date.fromisoformat(as_of)]})
    table = pd.DataFrame(
        [("acme", kind, pd.Timestamp(effective), pd.Timestamp(logged)) for effective, logged in outcomes],
        columns=["account_id", "kind", "occurred_at", "known_at"],
    )
    return float(outcome_labels(table, rows, horizon_days=horizon, head=head, as_of=trained).iloc[0])


def test_an_account_that_leaves_within_the_horizon_is_lost():
    assert label("2025-03-01", ("2025-04-15", "2025-04-15")) == 1.0


def test_an_account_that_leaves_after_the_horizon_was_kept():
    assert label("2025-03-01", ("2025-06-15", "2025-06-15")) == 0.0


def test_the_last_day_of_the_horizon_belongs_to_it():
    assert label("2025-03-01", ("2025-05-30", "2025-05-30")) == 1.0
    assert label("2025-03-01", ("2025-05-31", "2025-05-31")) == 0.0


def test_a_window_that_is_still_open_has_no_label_even_if_the_account_left_already():
    """Else the youngest rows would hold losses only, and teach that everybody leaves."""
    assert np.isnan(label("2025-11-01"))
    assert np.isnan(label("2025-11-01", ("2025-11-20", "2025-11-20")))


def test_a_loss_that_was_logged_late_is_unknown_to_the_training_that_came_before():
    left_in_april_logged_in_june = ("2025-04-15", "2025-06-20")
    assert label("2025-03-01", left_in_april_logged_in_june, trained=date(2025, 6, 10)) == 0.0
    assert label("2025-03-01", left_in_april_logged_in_june, trained=date(2025, 6, 21)) == 1.0


def test_an_account_that_had_left_before_anybody_logged_it_is_neither_kept_nor_lost():
    """On 1 March it looked like a customer, but there was nothing left to predict."""
    assert np.isnan(label("2025-03-01", ("2025-02-20", "2025-03-15")))
    assert np.isnan(label("2025-03-01", ("2025-03-01", "2025-02-01")))


def test_a_loss_that_was_on_record_already_is_no_prediction():
    assert np.isnan(label("2025-03-01", ("2025-04-15", "2025-02-10")))


def test_a_customer_who_came_back_is_judged_by_what_happens_next():
    assert label("2025-03-01", ("2024-05-01", "2024-05-01")) == 0.0
    assert label("2025-03-01", ("2024-05-01", "2024-05-01"), ("2025-04-15", "2025-04-15")) == 1.0


def test_an_account_that_was_merged_away_is_censored_and_not_kept():
    """Its contract ended without any outcome: that is not a renewal."""
    rows = pd.DataFrame(
        {
            "account_id": "acme",
            "as_of": pd.to_datetime(["2025-03-01", "2025-04-01", "2025-05-01", "2025-06-01"]),
            "is_customer": [True, True, True, False],
        }
    )
    nothing = pd.DataFrame({"account_id": [], "kind": [], "occurred_at": [], "known_at": []})

    labels = outcome_labels(nothing, rows, horizon_days=60, as_of=TRAINED)
    assert labels.iloc[0] == 0.0
    assert labels.iloc[1:3].isna().all()

    left = pd.DataFrame(
        {
            "account_id": ["acme"],
            "kind": ["logo_churn"],
            "occurred_at": ["2025-05-31"],
            "known_at": ["2025-05-31"],
        }
    )
    labels = outcome_labels(left, rows, horizon_days=60, as_of=TRAINED)
    assert labels.iloc[:3].tolist() == [0.0, 1.0, 1.0]


def test_each_head_looks_at_its_own_losses():
    seats_cut = ("2025-04-15", "2025-04-15")
    assert label("2025-03-01", seats_cut, kind="contraction_seats", head="contraction") == 1.0
    assert label("2025-03-01", seats_cut, kind="contraction_usage", head="contraction") == 1.0
    assert label("2025-03-01", seats_cut, kind="contraction_seats") == 0.0
    assert label("2025-03-01", seats_cut, kind="downgrade", head="downgrade") == 1.0


def test_an_unknown_head_is_refused_with_a_suggestion():
    with pytest.raises(ConfigurationError, match="downgrade"):
        label("2025-03-01", head="downgrades")


def test_only_settled_customers_without_notice_are_predicted():
    panel = pd.DataFrame(
        {
            "is_customer": [True, True, True, False, True],
            "notice_given": [False, True, False, False, False],
            "tenure_days": [56, 400, 55, 400, None],
        }
    )

    assert eligible(panel, ModelConfig()).tolist() == [True, False, False, False, False]


def with_losses_logged_after(days: int, as_of: str, *, settled: int = 30) -> float:
    """Label of an account that stays, at a company which logs each loss so many days late."""
    left = [pd.Timestamp("2025-01-10") + pd.Timedelta(days=2 * n) for n in range(settled)]
    table = pd.DataFrame(
        {
            "account_id": [f"lost-{n}" for n in range(settled)],
            "kind": "logo_churn",
            "occurred_at": left,
            "known_at": [day + pd.Timedelta(days=days) for day in left],
        }
    )
    rows = pd.DataFrame({"account_id": ["acme"], "as_of": [date.fromisoformat(as_of)]})
    return float(outcome_labels(table, rows, horizon_days=90, as_of=TRAINED).iloc[0])


def test_where_losses_are_logged_late_nobody_counts_as_kept_before_they_would_have_been():
    closed_31_days_ago, closed_46_days_ago = "2025-09-02", "2025-08-18"
    assert np.isnan(with_losses_logged_after(45, closed_31_days_ago))
    assert with_losses_logged_after(45, closed_46_days_ago) == 0.0
    assert with_losses_logged_after(2, closed_31_days_ago) == 0.0


def test_a_delay_that_was_seen_in_a_few_losses_only_is_chance():
    assert with_losses_logged_after(45, "2025-09-02", settled=5) == 0.0
