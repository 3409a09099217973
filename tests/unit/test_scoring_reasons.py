"""Points add up, claims are true, and one broken account leaves the others alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.scoring_world import AS_OF, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig, ScoreConfig
from customer_health.scoring.attribution import Attribution
from customer_health.scoring.daily_scores import COLUMNS, score_accounts
from customer_health.scoring.reasons import holds, reasons_for
from customer_health.scoring.score_scale import LOWER_KNEE, UPPER_KNEE
from customer_health.scoring.statements import Claim, risk_claim, strength_claim
from customer_health.scoring.why import MIN_POINTS
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Direction

unknown = st.just(float("nan"))
account = st.fixed_dictionaries(
    {
        "usage_delta_28d": st.floats(-1, 3) | unknown,
        "usage_trend_slope": st.floats(-5, 5) | unknown,
        "feature_adoption_score": st.floats(0, 1) | unknown,
        "open_critical_tickets": st.integers(0, 9).map(float) | unknown,
        "recent_nps": st.integers(0, 10).map(float) | unknown,
        "sponsor_change_6m": st.sampled_from([0.0, 1.0]) | unknown,
        "arr_change_12m": st.floats(-9000, 9000) | unknown,
        "days_to_renewal": st.integers(0, 365).map(float) | unknown,
    }
)
portfolios = st.lists(account, min_size=1, max_size=8).map(
    lambda rows: {f"a{i}": r for i, r in enumerate(rows)}
)


def scores(rows: dict[str, Any], mapping: str = "anchored") -> pd.DataFrame:
    config = CompanyConfig(score=ScoreConfig.model_validate({"mapping": mapping}))
    return score_accounts(panel(rows), HandChampion(), config, as_of=AS_OF, catalogue=SIGNALS)


def named(reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reasons without the calendar, which is context."""
    return [reason for reason in reasons if "context" not in reason]


@given(portfolios, st.sampled_from(["anchored", "linear"]))
@settings(max_examples=20, deadline=None)
def test_the_steps_lead_from_the_average_account_to_the_score(rows: dict[str, Any], mapping: str) -> None:
    frame = scores(rows, mapping)
    frame = frame[frame["state"] == "scored"]  # of others too little is known: they have no steps

    for score, steps in zip(frame["score"], frame["waterfall"], strict=True):
        assert sum(steps.values()) == pytest.approx(score, abs=0.1)
        assert abs(steps["other"]) < 0.1  # this champion has no terms besides its signals
        assert "limit" not in steps or not LOWER_KNEE < score < UPPER_KNEE


@given(portfolios)
@settings(max_examples=20, deadline=None)
def test_every_reason_is_true_of_its_value(rows: dict[str, Any]) -> None:
    for account_id, reasons in scores(rows).set_index("account_id")["reasons"].items():
        for reason in named(reasons):
            signal = SIGNALS[reason["signal"]]
            risk = reason["points"] < 0
            claim = risk_claim(signal) if risk else strength_claim(signal)
            assert reason["value"] == rows[str(account_id)][reason["signal"]]
            assert holds(claim, np.array([reason["value"]]), signal, risk=risk, median=np.nan).all()
            assert reason["concept"] == signal.concept != "calendar"
            assert abs(reason["points"]) >= MIN_POINTS - 0.01


@given(portfolios)
@settings(max_examples=20, deadline=None)
def test_what_costs_most_comes_first_and_strengths_last(rows: dict[str, Any]) -> None:
    """Support and mood count together for the place of the stronger one; the other keeps its own."""
    for reasons in scores(rows)["reasons"]:
        risks = [reason for reason in named(reasons) if reason["points"] < 0]
        strengths = [reason["points"] for reason in named(reasons) if reason["points"] > 0]
        assert named(reasons)[len(risks) :] == [one for one in named(reasons) if one["points"] > 0]
        weights = {one["concept"]: one["points"] for one in risks}
        pair = [name for name in ("support", "sentiment") if name in weights]
        # Points are rounded: two that read alike may each be the stronger, and sums differ in the last digit.
        strongest = [name for name in pair if weights[name] <= min(weights[one] for one in pair) + 0.011]
        orders = [weights | {name: sum(weights[one] for one in pair)} for name in strongest] or [weights]
        told = [[order[one["concept"]] for one in risks] for order in orders]
        assert any(all(one <= after + 0.021 for one, after in pairwise(order)) for order in told)
        assert strengths == sorted(strengths, reverse=True)
        assert len(risks) <= 4
        assert len(strengths) <= 2


def test_angry_words_and_open_tickets_together_come_before_a_usage_that_costs_more_than_either() -> None:
    """One cause shows twice: usage falls with it, and is not what anybody should be told first."""
    calm = {"usage_delta_28d": 0.05, "open_critical_tickets": 0.0, "recent_nps": 8.0}
    angry = {"usage_delta_28d": -0.42, "open_critical_tickets": 2.0, "recent_nps": 3.0}
    rest = {"usage_trend_slope": 0.0, "feature_adoption_score": 0.6, "sponsor_change_6m": 0.0,
            "arr_change_12m": 0.0, "days_to_renewal": 300.0}  # fmt: skip
    rows = {"acme": rest | angry, **{f"calm_{number}": rest | calm for number in range(9)}}
    reasons = scores(rows).set_index("account_id").at["acme", "reasons"]
    points = {one["concept"]: one["points"] for one in named(reasons) if one["points"] < 0}
    assert points["usage"] < min(points["support"], points["sentiment"])
    assert points["usage"] > points["support"] + points["sentiment"]
    told = [one["concept"] for one in named(reasons) if one["points"] < 0]
    assert told[0] == min(("support", "sentiment"), key=points.__getitem__)
    assert told[1] == "usage"


@given(portfolios, st.sampled_from([np.inf, -np.inf, np.nan]))
@settings(max_examples=20, deadline=None)
def test_a_poisoned_account_changes_no_other_score(rows: dict[str, Any], poison: float) -> None:
    clean = scores(rows)
    broken = ["usage_delta_28d", "feature_adoption_score", "recent_nps", "arr", "days_to_renewal"]
    sick = dict.fromkeys(broken, poison)

    frame = scores({**rows, "sick": {**sick, "poison": 1.0}})

    left = frame[frame["account_id"] != "sick"].reset_index(drop=True)
    pd.testing.assert_frame_equal(left[list(COLUMNS)], clean[list(COLUMNS)])
    assert frame.set_index("account_id").at["sick", "state"] == "not_scored_yet"


def test_the_order_of_the_panel_does_not_matter() -> None:
    rows = {"a": {"recent_nps": 1.0}, "b": {"usage_delta_28d": -0.5}, "c": {}}

    pd.testing.assert_frame_equal(scores(rows), scores(dict(reversed(rows.items()))))


def test_a_newcomers_signal_is_compared_with_the_portfolio_in_its_own_words() -> None:
    signal = replace(SIGNALS["recent_nps"], name="seat_use", reason_code="low_seat_use")
    claim = risk_claim(signal)
    assert claim is not None

    true = holds(claim, np.array([0.2, 0.5, 0.9, np.nan]), signal, risk=True, median=0.5)

    assert claim.words == "low seat use"
    assert true.tolist() == [True, False, False, False]


@given(portfolios)
@settings(max_examples=20, deadline=None)
def test_a_near_renewal_is_told_last_and_charges_nothing(rows: dict[str, Any]) -> None:
    frame = scores(rows)

    for reasons in frame["reasons"]:
        context = [reason for reason in reasons if "context" in reason]
        assert context == reasons[len(reasons) - len(context) :]
        for reason in context:
            assert (reason["code"], reason["points"]) == ("renewal_near", 0.0)
            assert 0 <= reason["value"] <= 90


def test_a_signal_without_direction_supports_no_comparison() -> None:
    signal = replace(SIGNALS["recent_nps"], direction=Direction.NEUTRAL)
    claim = Claim("x", "x", against_median=True)

    assert not holds(claim, np.array([1.0, 9.0]), signal, risk=True, median=5.0).any()


def test_a_signal_without_a_reason_code_never_speaks() -> None:
    signal = replace(SIGNALS["recent_nps"], reason_code="")

    assert risk_claim(signal) is None
    assert strength_claim(signal) is None


def test_of_a_customer_of_a_few_people_no_second_contact_is_missed() -> None:
    """ "Only 1 contact known" cost a customer with one seat 20 points, and led its Why."""
    values = pd.DataFrame(
        {
            "contacts_known": [1.0, 1.0, 0.0, 1.0],
            "days_since_last_interaction": [90.0, 9.0, 9.0, 9.0],
            "seats": [1.0, 20.0, 2.0, np.nan],
        }
    )
    signals = pd.DataFrame({"contacts_known": [-15.0] * 4, "days_since_last_interaction": [-5.0] * 4})
    charged = Attribution(90.0, signals, pd.DataFrame({"relationship": [-20.0] * 4}))
    told = reasons_for(charged, values, CATALOGUE, organisation_from=5)
    assert [reasons[0]["short"] for reasons in told] == [
        "no conversation for 90 days",
        "only 1 contact known",
        "no contact known",
        "only 1 contact known",
    ]
    assert {reasons[0]["points"] for reasons in told} == {-20.0}  # what it costs is told all the same
    alone = pd.DataFrame({"executives_known": [0.0, 0.0], "seats": [2.0, 20.0]})
    costs = pd.DataFrame({"executives_known": [-9.0, -9.0]})
    charged = Attribution(90.0, costs, costs.set_axis(["relationship"], axis=1))
    first, second = reasons_for(charged, alone, CATALOGUE, organisation_from=5)
    assert [reason["short"] for reason in first] == []
    assert [reason["short"] for reason in second] == ["no exec known"]
