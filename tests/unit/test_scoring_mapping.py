"""The score falls with the probability, through the two anchors, for every champion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.errors import ConfigurationError, FatalError
from customer_health.scoring.score_scale import Linear, log_odds, mapping_for
from customer_health.scoring.tiers import round_half_up, scheme_named

ANCHORS = {"p_green": 0.021, "p_red": 0.059}
probabilities = st.floats(0.0, 1.0)


def test_the_anchors_lie_on_the_boundaries_of_green_and_red() -> None:
    mapping = mapping_for("anchored", ANCHORS)

    assert mapping.raw(log_odds(np.array([0.021, 0.059]))).tolist() == pytest.approx([70.5, 40.5])


def test_the_literal_mapping_turns_082_risk_into_18() -> None:
    assert mapping_for("linear", {}).raw(log_odds(np.array([0.82])))[0] == pytest.approx(18.0)


@given(probabilities, probabilities, st.sampled_from(["anchored", "linear"]))
def test_more_risk_never_means_a_higher_score(one: float, other: float, preset: str) -> None:
    mapping = mapping_for(preset, ANCHORS)

    safer, riskier = mapping.raw(log_odds(np.array(sorted([one, other]))))

    assert riskier <= safer + 1e-9


@given(st.floats(-500, 500), st.floats(-500, 500))
def test_bent_tails_keep_every_rank_and_stay_within_the_scale(one: float, other: float) -> None:
    lower, upper = mapping_for("anchored", ANCHORS).score(np.array(sorted([one, other])))

    assert 0 <= lower <= upper <= 100
    if abs(one - other) > 1:
        assert lower < upper


@given(st.floats(-300, 400))
def test_bending_the_tails_moves_nobody_across_a_tier_boundary(raw: float) -> None:
    bent = mapping_for("anchored", ANCHORS).score(np.array([raw]))
    cut = round_half_up(np.clip(np.array([raw]), 0, 100))

    for name in ("four_tier", "rag", "aligned"):
        assert scheme_named(name).of(round_half_up(bent)) == scheme_named(name).of(cut)


@given(st.floats(29.5, 70.5))
def test_between_the_knees_the_score_is_the_straight_line(raw: float) -> None:
    assert mapping_for("anchored", ANCHORS).score(np.array([raw]))[0] == raw


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_the_secant_of_the_literal_mapping_meets_both_ends(reference: float, at: float) -> None:
    ends = Linear().raw(np.array([reference, at]))

    travelled = Linear().slope_from(reference, np.array([at]))[0] * (at - reference)

    assert travelled == pytest.approx(ends[1] - ends[0], abs=1e-6)


@pytest.mark.parametrize(
    "anchors",
    [{}, {"p_green": 0.1, "p_red": 0.1}, {"p_green": 0.2, "p_red": 0.1}],
)
def test_a_champion_without_usable_anchors_is_refused(anchors: dict[str, float]) -> None:
    with pytest.raises(FatalError, match="p_green"):
        mapping_for("anchored", anchors)


def test_an_unknown_mapping_gets_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="linear"):
        mapping_for("liner", ANCHORS)
