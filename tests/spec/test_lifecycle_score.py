"""New customers are compared with those that stayed, at the same age; no model guesses about them."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.scoring_world import AS_OF, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.lifecycle_config import OnboardingConfig
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.lifecycle import COLUMNS, SIGNALS, lifecycle_of, reference_of
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.onboarding_reference import read_reference, write_reference

CONFIG = OnboardingConfig()


def reference(many: int = 40, age: float = 30.0, **columns: Any) -> pd.DataFrame:
    """First weeks of customers that stayed: the n-th of them has n of everything, and is n days quiet."""
    n = np.arange(many, dtype=float)
    rows = dict.fromkeys(SIGNALS, n) | {"tenure_days": np.full(many, age)} | columns
    return pd.DataFrame(rows)[list(COLUMNS)]


def one(rows: pd.DataFrame | None, config: OnboardingConfig = CONFIG, *, live: bool = True, **values: float):
    """The lifecycle of one account, of which nothing is known but what is given."""
    unknown = dict.fromkeys(SIGNALS, np.nan)
    account = pd.DataFrame([{**unknown, "tenure_days": 30.0, **values}])
    (found,) = lifecycle_of(account, rows, config, CATALOGUE, live=live)
    return found


def test_the_middle_of_those_that_stayed_is_50() -> None:
    middle = dict.fromkeys(SIGNALS, 19.5)
    found = one(reference(), **middle)
    assert found.score == 50
    assert found.why == "Onboarding on course, day 30"
    assert found.told["references"] == 40
    assert {part["signal"] for part in found.told["parts"]} == set(SIGNALS)


def test_an_onboarding_far_behind_is_called_at_risk_and_by_what() -> None:
    low = dict.fromkeys(SIGNALS, 1.0) | {"days_since_last_usage": 39.0}
    found = one(reference(), **low)
    assert found.score is not None
    assert found.score < CONFIG.at_risk_below
    assert found.told["at_risk"] is True
    assert found.why == "Onboarding at risk, day 30: recent use behind most"


def test_nobody_who_logged_in_is_the_least_of_all_and_is_said_so() -> None:
    found = one(reference())
    assert found.score == 0
    assert found.why == "Onboarding, day 30: nobody has used the product yet"
    slow = reference(days_since_last_usage=np.full(40, np.nan))  # at that age nobody ever had
    assert one(slow).score == 50


def test_without_a_living_source_nobody_is_called_unused() -> None:
    found = one(reference(), live=False)
    assert found.score is None
    assert found.why == "Onboarding, day 30: no usage known of this account"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (None, "no reference until the next training"),
        (reference(many=7), "only 7 customers to compare with"),
        (reference(age=80.0), "only 0 customers to compare with"),  # at another age
    ],
)
def test_too_few_to_compare_with_is_said_and_is_no_score(rows: pd.DataFrame | None, words: str) -> None:
    found = one(rows, active_days_28d=12.0, days_since_last_usage=1.0)
    assert found.score is None
    assert found.why == f"Onboarding, day 30: {words}"
    assert found.told["at_risk"] is None


def test_a_customer_of_one_day_is_not_compared_with_those_of_eleven() -> None:
    """Hardly anybody has logged in on the first day; ten days later nearly all have."""
    first = reference(age=1.0, days_since_last_usage=np.full(40, np.nan))
    later = reference(age=11.0)
    found = one(pd.concat([first, later]), tenure_days=1.0)
    assert found.told["references"] == 40
    assert found.score == 50


@given(
    st.lists(st.floats(0, 100), min_size=len(SIGNALS), max_size=len(SIGNALS)),
    st.integers(0, len(SIGNALS) - 1),
    st.floats(0, 50),
)
def test_more_of_anything_never_lowers_it(values: list[float], which: int, more: float) -> None:
    """Days since the last use are the exception: fewer are better."""
    names = list(SIGNALS)
    given_values = dict(zip(names, values, strict=True))
    name = names[which]
    better = max(0.0, values[which] - more) if name == "days_since_last_usage" else values[which] + more
    before, after = one(reference(), **given_values), one(reference(), **{**given_values, name: better})
    assert before.score is not None
    assert after.score is not None
    assert 0 <= before.score <= after.score <= 100
    assert len(after.why.split()) <= 10


def young(account: str, day: str, tenure: float, **columns: Any) -> dict[str, Any]:
    row = {"account_id": account, "as_of": pd.Timestamp(day), "tenure_days": tenure, "is_customer": True}
    return row | {"notice_given": False, "days_since_last_usage": 1.0, "active_days_28d": 9.0} | columns


def test_only_first_weeks_of_customers_that_stayed_are_compared_with() -> None:
    """Whoever left, gave notice, or is too young to have stayed teaches nothing about staying."""
    rows = pd.DataFrame(
        [
            young("stayed", "2025-01-01", 20.0),
            young("stayed", "2025-06-01", 171.0),  # no first week any more
            young("left", "2025-01-01", 20.0, active_days_28d=1.0),
            young("notice", "2025-01-01", 20.0, active_days_28d=2.0),
            young("young", "2025-12-01", 20.0, active_days_28d=3.0),
            young("lost_today", "2025-01-01", 20.0, active_days_28d=4.0),
            young("early", "2024-01-01", 20.0, days_since_last_usage=np.nan),  # before the source spoke
            *(young(name, "2026-03-01", 444.0) for name in ("stayed", "early", "lost_today")),
            young("notice", "2026-03-01", 444.0, notice_given=True),
            young("young", "2026-03-01", 110.0, notice_given=True),
            young("left", "2026-03-01", 444.0, is_customer=False),
        ]
    )
    found = reference_of(rows, {"lost_today"}, CONFIG)
    assert found["active_days_28d"].tolist() == [9.0]
    assert list(found.columns) == list(COLUMNS)


def test_a_training_keeps_its_reference_and_a_day_reads_the_one_of_its_time() -> None:
    """What a later training learned cannot reach a day that is scored again."""
    con = duckdb.connect()
    assert read_reference(con, AS_OF) is None
    write_reference(con, reference(many=3), AS_OF)
    later = AS_OF.replace(year=AS_OF.year + 1)
    write_reference(con, reference(many=5), later)
    write_reference(con, reference(many=6), later)  # again
    kept = read_reference(con, AS_OF)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, reference(many=3), check_exact=True)
    assert len(read_reference(con, later)) == 6


def test_an_onboarding_has_a_meaning_of_its_own_and_no_tier() -> None:
    new = {"tenure_days": 30.0, "days_since_last_usage": 1.0, "active_days_28d": 20.0}
    new |= {"feature_adoption_score": 30.0}
    frame = score_accounts(
        panel({"new": new, "old": {"days_since_last_usage": 1.0}}),
        HandChampion(),
        CompanyConfig(),
        as_of=AS_OF,
        reference=reference(),
    ).set_index("account_id")
    row = frame.loc["new"]
    assert (row["state"], row["meaning"]) == ("onboarding", "lifecycle")
    assert row["lifecycle_score"] == 75  # adoption ahead of 30.5, activity of 20.5, recency of 38.5 of 40
    assert pd.isna(row["score_shown"])
    assert row["tier"] is None
    assert row["held_band"] is None
    assert frame.loc["old", "meaning"] != "lifecycle"
    assert pd.isna(frame.loc["old", "lifecycle_score"])


@pytest.mark.parametrize("tenure", [0.0, 55.0])
def test_nobody_in_a_company_without_usage_gets_a_lifecycle_score(tenure: float) -> None:
    frame = score_accounts(
        panel({"new": {"tenure_days": tenure}}), None, CompanyConfig(), as_of=AS_OF, reference=reference()
    )
    assert frame["state"].tolist() == ["onboarding"]
    assert frame["lifecycle_score"].isna().all()
