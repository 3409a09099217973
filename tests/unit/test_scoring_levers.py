"""A lever is the smallest change that does it, it is checked, and where there is none that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.scoring_world import AS_OF, FROZEN, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.levers import NOTHING, _Question, _told
from customer_health.signals.catalogue import CATALOGUE

FINE = {"usage_delta_28d": 0.2, "recent_nps": 9.0}


def levers(rows: dict[str, dict[str, Any]], *, catalogue: Any = SIGNALS, champion: Any = "hand") -> Any:
    chosen = HandChampion(reference=FROZEN) if champion == "hand" else champion
    frame = panel({"fine1": FINE, "fine2": FINE, **rows})
    return score_accounts(frame, chosen, CompanyConfig(), as_of=AS_OF, catalogue=catalogue).set_index(
        "account_id"
    )


def test_one_trouble_has_one_lever_and_its_words_promise_a_score_only() -> None:
    lever = levers({"acme": {"open_critical_tickets": 3.0}}).at["acme", "lever"]

    assert lever["target"] == "Green"
    assert lever["concepts"] == ["support"]
    assert [change["signal"] for change in lever["changes"]] == ["open_critical_tickets"]
    text = "With 0 critical tickets open (now 3), the score would be"
    assert lever["text"] == f"{text} {lever['score']} (Healthy)"


def test_only_as_much_as_is_needed_is_asked_for() -> None:
    lever = levers({"acme": {"usage_delta_28d": -0.4, "feature_adoption_score": 0.5}}).at["acme", "lever"]

    (change,) = lever["changes"]
    assert change["signal"] == "usage_delta_28d"
    assert -0.4 < change["to"] < 0.2
    assert lever["score"] >= 71


def test_an_account_in_trouble_on_two_sides_needs_two_concepts() -> None:
    lever = levers({"acme": {"open_critical_tickets": 2.0, "usage_delta_28d": -0.6}}).at["acme", "lever"]

    assert sorted(lever["concepts"]) == ["support", "usage"]


def test_signals_of_one_topic_move_together_and_are_told_once() -> None:
    """Nobody raises use and leaves its trend falling: one phrase, and the rest is counted."""
    champion = HandChampion(reference=FROZEN, weights={**HandChampion().weights, "usage_trend_slope": -2.0})
    trouble = {"usage_delta_28d": -0.4, "usage_trend_slope": -0.6}
    fine = {f"good{i}": {**FINE, "usage_trend_slope": 0.3} for i in range(3)}

    lever = levers({"acme": trouble, **fine}, champion=champion).at["acme", "lever"]

    assert {change["signal"] for change in lever["changes"]} == {"usage_delta_28d", "usage_trend_slope"}
    assert "; together with 1 related signal)" in lever["text"]


def test_silence_is_ended_and_not_wished_for() -> None:
    question = _Question(
        rest=panel({"acme": {}}),
        signals=(CATALOGUE["silent_account"],),
        now=np.array([[1.0]]),
        goal=np.array([[0.0]]),
        whole=np.array([True]),
    )
    parts = _told(question, np.intp(0), np.array([True]), np.array([0.0]))
    assert parts == ['an end to "no login and no ticket in 30 days"']


def test_healthy_accounts_need_no_lever() -> None:
    assert levers({}).at["fine1", "lever"] is None


def test_what_nobody_can_change_is_no_lever() -> None:
    stuck = {name: replace(signal, actionable=False) for name, signal in SIGNALS.items()}

    lever = levers({"acme": {"open_critical_tickets": 3.0}}, catalogue=stuck).at["acme", "lever"]

    assert (lever["target"], lever["changes"], lever["text"]) == (None, [], NOTHING)


def test_what_nobody_can_change_has_no_lever() -> None:
    lever = levers({"acme": {"arr_change_12m": -40000.0, **FINE}}).at["acme", "lever"]

    assert lever["text"] == NOTHING


def test_what_cannot_turn_green_may_still_leave_red() -> None:
    both = {"arr_change_12m": -20000.0, "open_critical_tickets": 5.0, "recent_nps": 9.0}

    lever = levers({"acme": both}).at["acme", "lever"]

    assert lever["target"] == "Yellow"
    assert 41 <= lever["score"] < 71


def test_the_rules_can_be_asked_too() -> None:
    rows = {"acme": {"open_critical_tickets": 2.0, "feature_adoption_score": 0.1, "usage_trend_slope": -1.0}}

    row = levers(rows, champion=None).loc["acme"]

    assert row["score_shown"] == 40
    assert row["lever"]["target"] == "Green"


def test_whole_things_are_moved_by_whole_numbers() -> None:
    frame = levers({"acme": {"open_critical_tickets": 7.0, "usage_delta_28d": -0.3}})

    for change in frame.at["acme", "lever"]["changes"]:
        if change["signal"] == "open_critical_tickets":
            assert change["to"] == int(change["to"])


troubles = st.fixed_dictionaries(
    {
        "usage_delta_28d": st.floats(-1, 0.2) | st.just(float("nan")),
        "open_critical_tickets": st.integers(0, 6).map(float),
        "recent_nps": st.integers(0, 10).map(float) | st.just(float("nan")),
        "sponsor_change_6m": st.sampled_from([0.0, 1.0]),
        "days_to_renewal": st.integers(0, 400).map(float),
    }
)


@given(troubles)
@settings(max_examples=25, deadline=None)
def test_making_the_change_gives_the_score_that_was_named(acme: dict[str, float]) -> None:
    lever = levers({"acme": acme}).at["acme", "lever"]

    if lever and lever["target"]:
        changed = acme | {change["signal"]: change["to"] for change in lever["changes"]}
        then = levers({"acme": changed}).loc["acme"]
        if then["state"] == "too_little_known":  # what spoke against it is gone, the rest unknown
            assert any(pd.isna(value) for value in acme.values())
            return
        after = then["score_shown"]
        assert after == lever["score"] >= {"Green": 71, "Yellow": 41}[lever["target"]]


def test_an_account_that_smoothing_alone_holds_down_needs_no_change() -> None:
    champion: Any = HandChampion(reference=FROZEN)
    before = panel({"acme": {"usage_delta_28d": -0.9}, "fine": FINE})
    after = panel({"acme": FINE, "fine": FINE}, AS_OF.replace(day=8))
    config = CompanyConfig()

    first = score_accounts(before, champion, config, as_of=AS_OF, catalogue=SIGNALS)
    second = score_accounts(
        after, champion, config, as_of=AS_OF.replace(day=8), previous=first, catalogue=SIGNALS
    )

    row = second.set_index("account_id").loc["acme"]
    assert row["score_shown"] < 50
    assert row["lever"]["changes"] == []
    assert row["lever"]["text"] == pytest.approx(
        f"If today's signals last, the score would be {row['lever']['score']} (Healthy)"
    )
