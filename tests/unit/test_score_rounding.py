"""One rounding for every score that people see: half up, the same number and the same tier everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.destinations.slack import score_chart
from customer_health.scoring.tiers import round_half_up
from customer_health.wording import half_up, number


@given(whole=st.integers(0, 99))
def test_a_half_goes_up_wherever_it_is_printed(whole: int) -> None:
    score, shown = whole + 0.5, whole + 1
    assert round_half_up(np.array([score]))[0] == shown
    assert half_up(score) == shown
    assert number(score) == str(shown)
    readings = score_chart.points({"history": [["2026-11-01", score], ["2026-11-08", score]]})
    assert [value for _, value in readings] == [shown, shown]


@given(score=st.floats(0, 100).map(lambda value: round(value, 6)))
def test_scoring_and_printing_round_alike(score: float) -> None:
    assert round_half_up(np.array([score]))[0] == half_up(score)


@pytest.mark.parametrize(("score", "shown"), [(40.5, 41), (70.5, 71), (73.5, 74), (29.499999, 29)])
def test_the_borders_of_tiers_are_where_the_shown_number_puts_them(score: float, shown: int) -> None:
    assert round_half_up(np.array([score]))[0] == shown
