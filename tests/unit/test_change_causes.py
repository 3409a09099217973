"""What changed a score: data, a model, settings, a source that went missing; in points that add up."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.scoring_world import AS_OF, FROZEN, NORMAL, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.scoring import earlier_scoring
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.earlier_scoring import Earlier, settings_of, with_settings

LAST_WEEK = date(2026, 2, 22)
OLD = HandChampion(reference=FROZEN)
NEW = HandChampion(
    model_id="hand-2",
    base=-2.6,
    weights={**OLD.weights, "recent_nps": -0.5, "usage_delta_28d": -2.0},
    anchors={180: {"p_green": 0.06, "p_red": 0.25}, 90: {"p_green": 0.02, "p_red": 0.1}},
    reference=FROZEN,
)
RULES = CompanyConfig.model_validate({"score": {"rules": "rules_v2"}})
LINEAR = CompanyConfig.model_validate({"score": {"mapping": "linear"}})
CALM = CompanyConfig.model_validate({"score": {"smoothing": False}})
PLAIN = CompanyConfig()


def both_days(
    before: dict[str, Any],
    after: dict[str, Any],
    champions: tuple[HandChampion | None, HandChampion | None] = (OLD, OLD),
    configs: tuple[CompanyConfig, CompanyConfig] = (PLAIN, PLAIN),
    published: dict[str, Any] | None = None,
) -> tuple[float, list[dict[str, Any]]]:
    """Return an account's change of the unrounded score, and its causes."""

    def day(values: dict[str, Any], as_of: date) -> pd.DataFrame:
        return panel({"acme": values, "quiet": {}}, as_of)

    first = score_accounts(
        day(before if published is None else published, LAST_WEEK),
        champions[0],
        configs[0],
        as_of=LAST_WEEK,
        catalogue=SIGNALS,
    )
    second = score_accounts(
        day(after, AS_OF),
        champions[1],
        configs[1],
        as_of=AS_OF,
        previous=first,
        earlier=Earlier(LAST_WEEK, day(before, LAST_WEEK), champions[0], configs[0]),
        catalogue=SIGNALS,
    )
    was, now = (frame.set_index("account_id").loc["acme"] for frame in (first, second))
    return float(now["score"]) - float(was["score"]), now["change"]["causes"]


def points(causes: list[dict[str, Any]], cause: str) -> float:
    return sum(found["points"] for found in causes if found["cause"] == cause)


VALUES = st.fixed_dictionaries(
    {
        "usage_delta_28d": st.none() | st.floats(-1, 1),
        "usage_trend_slope": st.floats(-3, 3),
        "feature_adoption_score": st.none() | st.floats(0, 1),
        "open_critical_tickets": st.integers(0, 6),
        "recent_nps": st.none() | st.integers(0, 10),
        "sponsor_change_6m": st.integers(0, 1),
        "arr_change_12m": st.floats(-9_000, 9_000),
        "days_to_renewal": st.integers(-5, 400),
        "escalations_90d": st.integers(0, 3),
    }
)
WHO = st.sampled_from([OLD, NEW, None])
HOW = st.sampled_from([PLAIN, RULES, LINEAR, CALM])


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in values.items()}


@settings(max_examples=30, deadline=None)
@given(before=VALUES, after=VALUES, who=st.tuples(WHO, WHO), how=st.tuples(HOW, HOW))
def test_the_causes_add_up_to_the_change_whatever_model_scored(
    before: dict[str, Any],
    after: dict[str, Any],
    who: tuple[HandChampion | None, HandChampion | None],
    how: tuple[CompanyConfig, CompanyConfig],
) -> None:
    change, causes = both_days(_known(before), _known(after), who, how)
    assert abs(sum(cause["points"] for cause in causes) - change) < 0.1
    if (who[0], how[0]) == (who[1], how[1]):
        assert {cause["cause"] for cause in causes} <= {"data", "missing", "decision"}


@settings(max_examples=15, deadline=None)
@given(before=VALUES, after=VALUES, who=WHO, how=HOW)
def test_where_both_days_are_scored_alike_todays_scores_stand_for_a_second_scoring(
    before: dict[str, Any],
    after: dict[str, Any],
    who: HandChampion | None,
    how: CompanyConfig,
) -> None:
    days = _known(before), _known(after), (who, who), (how, how)
    _, causes = both_days(*days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(earlier_scoring, "_scores_alike", lambda *_: False)
        _, again = both_days(*days)
    assert [one["cause"] for one in causes] == [one["cause"] for one in again]
    assert [one["points"] for one in causes] == pytest.approx([one["points"] for one in again], abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(value=st.floats(-0.9, 0.9), rest=VALUES)
def test_what_got_worse_never_counts_as_a_gain(value: float, rest: dict[str, Any]) -> None:
    base = {**_known(rest), "usage_delta_28d": 0.0, "usage_trend_slope": 0.0}
    _, causes = both_days(base, {**base, "usage_delta_28d": value})
    usage = sum(found["points"] for found in causes if found["concept"] == "usage")
    assert usage * np.sign(value) >= 0


def test_equal_days_have_no_cause() -> None:
    assert both_days({"recent_nps": 4.0}, {"recent_nps": 4.0}) == (0.0, [])


def test_a_model_that_scores_the_same_data_differently_is_the_only_cause() -> None:
    change, causes = both_days({"recent_nps": 3.0}, {"recent_nps": 3.0}, (OLD, NEW))
    assert change < -1
    assert {cause["cause"] for cause in causes} == {"model"}


def test_settings_that_score_the_same_data_differently_are_the_only_cause() -> None:
    change, causes = both_days({"recent_nps": 3.0}, {"recent_nps": 3.0}, configs=(PLAIN, LINEAR))
    assert abs(change) > 1
    assert {cause["cause"] for cause in causes} == {"config"}


def test_new_data_and_a_new_model_are_told_apart() -> None:
    _, causes = both_days({}, {"open_critical_tickets": 3.0}, (OLD, NEW))
    assert points(causes, "data") < -5
    assert points(causes, "model") < -0.3  # of which the rest follows in the weeks to come


def test_what_a_new_model_still_owes_is_its_own_cause_and_not_the_customers() -> None:
    low = {"recent_nps": 3.0}
    change, causes = _third_day(low, low)
    assert change < -0.5
    assert {cause["cause"] for cause in causes} == {"model"}

    change, causes = _third_day(low, {**low, "open_critical_tickets": 2.0})
    assert points(causes, "data") < -5
    assert points(causes, "model") < -0.5
    assert abs(sum(cause["points"] for cause in causes) - change) < 0.1


def _third_day(before: dict[str, Any], after: dict[str, Any]) -> tuple[float, list[dict[str, Any]]]:
    """Return change and causes of the week after the one in which another model took over."""
    days = [LAST_WEEK, AS_OF, date(2026, 3, 8)]
    panels = [panel({"acme": values}, day) for values, day in zip((before, before, after), days, strict=True)]
    one = score_accounts(panels[0], OLD, PLAIN, as_of=days[0], catalogue=SIGNALS)
    two = score_accounts(panels[1], NEW, PLAIN, as_of=days[1], previous=one, catalogue=SIGNALS)
    three = score_accounts(
        panels[2],
        NEW,
        PLAIN,
        as_of=days[2],
        previous=two,
        earlier=Earlier(days[1], panels[1], NEW, PLAIN),
        catalogue=SIGNALS,
    )
    return float(three["score"].iloc[0] - two["score"].iloc[0]), three["change"].iloc[0]["causes"]


def test_a_signal_that_went_missing_is_not_called_a_change_of_the_customer() -> None:
    change, causes = both_days({"recent_nps": 0.0}, {"recent_nps": math.nan})
    assert change > 1
    assert points(causes, "missing") > 1
    assert not [cause for cause in causes if cause["cause"] == "data" and cause["concept"] == "sentiment"]


def test_facts_that_arrived_late_are_told_as_late_and_not_as_news() -> None:
    late, same = {"open_critical_tickets": 2.0}, {"open_critical_tickets": 2.0}
    change, causes = both_days(late, same, published={})
    assert change < -1
    assert points(causes, "late") < -1
    assert abs(sum(cause["points"] for cause in causes) - change) < 0.1


def test_a_decision_that_passed_moves_no_score() -> None:
    change, causes = both_days({"days_to_renewal": 3.0}, {"days_to_renewal": 361.0})
    assert abs(change) < 0.1
    assert abs(points(causes, "decision")) < 0.1


def test_the_settings_of_a_day_come_back_from_the_ledger_as_they_were() -> None:
    assert with_settings(PLAIN, settings_of(RULES)) == RULES
    assert with_settings(RULES, {"score": {"no such": 1}}) == RULES
    assert NORMAL["days_to_renewal"] == 119.0
