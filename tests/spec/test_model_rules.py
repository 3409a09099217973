"""The rule score: what each trouble costs, and what it cannot see."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from customer_health.model.candidates.rules_v1 import RULES_V1_SEED, rules_v1_seed

HEALTHY = {
    "usage_trend_slope": 0.3,
    "feature_adoption_score": 0.8,
    "open_critical_tickets": 0,
    "recent_nps": 9,
    "days_to_renewal": 200,
    "arr_change_12m": 1000,
}
TROUBLES = {
    "usage_decline": {"usage_trend_slope": -0.2},
    "low_adoption": {"feature_adoption_score": 0.1},
    "critical_tickets": {"open_critical_tickets": 2},
    "low_nps": {"recent_nps": 3},
    "arr_contraction": {"days_to_renewal": 40, "arr_change_12m": -500},
}


def score(**signals: object) -> pd.Series:
    """Rule score of one account that is healthy but for `signals`."""
    return rules_v1_seed(pd.DataFrame([{**HEALTHY, **signals}])).iloc[0]


def test_a_customer_without_trouble_scores_100():
    assert score()["score"] == 100


@pytest.mark.parametrize(
    ("trouble", "points"),
    [
        ("usage_decline", 20),
        ("low_adoption", 15),
        ("critical_tickets", 25),
        ("low_nps", 15),
        ("arr_contraction", 20),
    ],
)
def test_each_trouble_costs_what_the_document_says(trouble: str, points: int):
    found = score(**TROUBLES[trouble])

    assert found["score"] == 100 - points
    assert found[trouble] == points


def test_an_nps_of_zero_is_the_angriest_answer_and_not_a_missing_one():
    assert score(recent_nps=0)["score"] == 85


def test_what_is_unknown_costs_nothing():
    assert score(**dict.fromkeys(HEALTHY, np.nan))["score"] == 100
    assert rules_v1_seed(pd.DataFrame({"account_id": ["acme"]}))["score"].tolist() == [100]


def test_limits_themselves_are_still_fine():
    assert score(usage_trend_slope=-0.1, feature_adoption_score=0.3, recent_nps=7)["score"] == 100
    assert score(days_to_renewal=60, arr_change_12m=-500)["score"] == 100
    assert score(days_to_renewal=40, arr_change_12m=0)["score"] == 100


def test_only_5_of_32_combinations_are_critical_and_each_has_a_critical_ticket():
    """So somebody who leaves in silence never gets below 30: the reason for having a model at all."""
    critical = []
    for present in product([False, True], repeat=len(TROUBLES)):
        names = [name for name, here in zip(TROUBLES, present, strict=True) if here]
        signals = {key: value for name in names for key, value in TROUBLES[name].items()}
        if score(**signals)["score"] < 30:
            critical.append(names)

    assert len(critical) == 5
    assert all("critical_tickets" in names and len(names) >= 4 for names in critical)
    assert {rule.reason for rule in RULES_V1_SEED} == set(TROUBLES)
