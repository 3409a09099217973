"""The measures of the score goals say what their names say, on readings made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from benchmarks.score_lines import Line, at_most, closed, ranked, riskiest
from benchmarks.score_measures import calibration, early_warning, pairs
from benchmarks.score_reasons import first_reason, flaps

WEEKS = pd.date_range("2026-01-04", periods=8, freq="7D")


def readings(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"account_id": "acme", "as_of": WEEKS[: len(next(iter(columns.values())))], **columns}
    )


def test_a_goal_is_met_on_its_bound_and_nothing_is_judged_that_was_not_measured() -> None:
    assert Line("S2", "gap", 0.75, 0.75).met
    assert not Line("S2", "gap", 0.749, 0.75).met
    assert at_most("S1", "falls", 2.0, 2.0).met
    assert not at_most("S1", "falls", 2.01, 2.0).met
    assert Line("S5", "ECE", float("nan"), 0.015).met is None
    assert "MISSED" in at_most("S1", "falls", 3.0, 2.0).row()


def test_the_gap_closed_is_unknown_where_there_is_no_gap() -> None:
    assert closed(0.7, 0.6, 0.8) == pytest.approx(0.5)
    assert np.isnan(closed(0.7, 0.8, 0.8))


def test_a_ranking_is_judged_within_each_day() -> None:
    rows = pd.DataFrame({"as_of": [1, 1, 2, 2], "risk": [0.1, 0.2, 0.8, 0.9], "true": [0.0, 1.0, 0.0, 1.0]})
    assert ranked(rows, "risk", "true") == pytest.approx(1.0)
    assert ranked(rows, -rows["risk"].to_numpy(), "true") == pytest.approx(0.0)


def test_the_riskiest_share_holds_as_many_accounts_on_every_day() -> None:
    rows = pd.DataFrame(
        {
            "as_of": np.repeat([1, 2], 50),
            "account_id": [f"a{n:02d}" for n in range(50)] * 2,
            "risk": np.arange(100.0) % 7,
        }
    )
    chosen = riskiest(rows, "risk", (0.1,))[0.1]
    assert chosen.groupby(rows["as_of"]).sum().tolist() == [5, 5]
    assert rows["risk"][chosen].min() >= rows["risk"][~chosen].max()


def test_only_readings_a_week_apart_make_a_pair() -> None:
    rows = readings(score_shown=[80, 70, 60, 50]).drop(index=1)
    now, then = pairs(rows)
    assert now["score_shown"].tolist() == [50]
    assert then["score_shown"].tolist() == [60]


def test_a_tier_left_and_entered_again_within_four_weeks_is_a_flap() -> None:
    back = readings(
        held_band=["Red", "Yellow", "Yellow", "Red", "Yellow", "Yellow", "Yellow", "Yellow"],
        band=["Red"] * 8,
        tier=["Critical"] * 8,
    )
    found = {line.what.split(",")[0]: line.value for line in flaps(back)}
    assert found["band that episodes and alerts hang on"] == pytest.approx(2 * 52 / 8)
    assert found["band of the number shown"] == 0
    slow = back.assign(held_band=["Red", "Yellow", "Yellow", "Yellow", "Yellow", "Yellow", "Yellow", "Red"])
    assert flaps(slow)[0].value == 0


def test_the_first_reason_is_the_first_that_costs_points() -> None:
    listed = [
        {"concept": "usage", "points": 3.0},
        {"concept": "calendar", "points": -9.0},
        {"concept": "support", "points": -4.0},
    ]
    assert first_reason(listed) == "care"
    assert first_reason(None) == ""


def test_calibration_is_held_against_what_the_truth_itself_reaches() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0.01, 0.3, 4000)
    rows = pd.DataFrame(
        {
            "in_sight": True,
            "p_decision": true,
            "true_decision": true,
            "lost_decision": (rng.random(4000) < true).astype(float),
            "days_to_renewal": rng.uniform(0, 365, 4000),
        }
    )
    assert all(line.value == pytest.approx(line.value) and line.value < 0.03 for line in calibration(rows))
    doubled = calibration(rows.assign(p_decision=2 * true))
    assert not any(line.met for line in doubled)


def test_a_score_that_saw_every_loss_coming_has_none_of_them_green() -> None:
    days = pd.date_range("2026-01-04", periods=40, freq="7D")
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "account_id": f"a{n:02d}",
                    "as_of": days,
                    "risk": 1.0 if n < 3 else -float(n),
                    "days_left": 7.0 * (40 - np.arange(40)) if n < 3 else np.inf,
                    "score_shown": 10 if n < 3 else 90,
                    "band": "Red" if n < 3 else "Green",
                }
            )
            for n in range(40)
        ],
        ignore_index=True,
    ).assign(oracle_health=lambda t: t["risk"])
    found = {line.what: line.value for line in early_warning(rows)}
    assert found["26 weeks before a loss: Green"] == 0
    assert found["26 weeks before a loss: Red or At Risk"] == 1
    blind = early_warning(rows.assign(risk=-rows["risk"]))
    assert {line.what: line.value for line in blind}["26 weeks before a loss: Green"] == 1
