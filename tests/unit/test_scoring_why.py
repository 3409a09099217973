"""A Why is short and true, no matter who wrote it: every template output passes the check, lies do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_health.scoring import why as wording
from customer_health.scoring.reasons import holds
from customer_health.scoring.statements import fill, risk_claim, strength_claim
from customer_health.scoring.why import MAX_WORDS, renewal_fact, validate_why, why
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Concept

SPEAKING = [name for name, signal in CATALOGUE.items() if signal.reason_code and signal.concept != "calendar"]
values = st.one_of(
    st.floats(-1.5, 1.5),
    st.integers(0, 12).map(float),
    st.floats(0, 1000),
    st.floats(-9e6, 9e6),
    st.just(0.0),
)


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any] | None:
    """One reason about any signal with any value for which its claim holds."""
    signal = CATALOGUE[draw(st.sampled_from(SPEAKING))]
    risk, value = draw(st.booleans()), draw(values)
    claim = risk_claim(signal) if risk else strength_claim(signal)
    # The median is put on the side that lets a comparison hold.
    above = (signal.direction.name == "LOWER_IS_HEALTHIER") == risk
    median = -np.inf if above else np.inf
    if claim is None or not holds(claim, np.array([value]), signal, risk=risk, median=median)[0]:
        return None
    return {
        "code": claim.code,
        "concept": str(signal.concept),
        "signal": signal.name,
        "value": value,
        "points": -5.0 if risk else 5.0,
        "short": fill(claim.words, value),
    }


STEPS = st.dictionaries(
    st.sampled_from(["start", "smoothing", "other", "limit", *map(str, Concept)]), st.floats(-50, 50)
)


@given(st.lists(facts(), max_size=6), st.booleans(), st.none() | st.integers(-9, 400), STEPS)
@settings(max_examples=400, deadline=None)
def test_every_template_output_may_be_published(
    drawn: list[dict[str, Any] | None],
    healthy: bool,
    days: int | None,
    steps: dict[str, float],
) -> None:
    reasons = [fact for fact in drawn if fact]
    text = why(reasons, healthy=healthy, days_to_renewal=days, steps=steps)

    context = [renewal_fact(days)] if days is not None else []
    shares = [{"code": "", "concept": name, "signal": "", "value": points} for name, points in steps.items()]
    assert validate_why(text, [*reasons, *context, *shares]) == ()
    assert len(text.split()) <= MAX_WORDS
    assert text.startswith("Healthy") == healthy


@pytest.mark.parametrize(
    ("steps", "days", "said"),
    [
        ({"usage": 4.0}, 157, "No single risk stands out"),
        ({"usage": -5.2}, 57, "Usage pulls the score down; renewal in 57 days"),
        ({}, -3, "No single risk stands out"),
        ({"support": -2.0, "billing": -3.0}, 300, "Billing pulls the score down"),
        ({"smoothing": -6.0}, None, "Earlier readings still weigh on the score"),
        ({"other": -9.0}, 41, "No single risk stands out; renewal in 41 days"),
        ({"other": -9.0}, None, "No single risk stands out"),
    ],
)
def test_without_a_bad_signal_the_why_says_what_pulls_the_score_down_instead(
    steps: dict[str, float], days: int | None, said: str
) -> None:
    seven = {"code": "frequent_contact", "points": 2.0, "short": "7 conversations in three months"}

    assert why([seven], healthy=False, days_to_renewal=days, steps=steps) == said


def test_a_large_healthy_account_in_a_list_of_risks_is_called_healthy() -> None:
    seven = {"code": "frequent_contact", "points": 2.0, "short": "7 conversations in three months"}

    assert why([seven], healthy=True, steps={}) == "Healthy: 7 conversations in three months"
    assert why([seven], healthy=True, days_to_renewal=41) == "Healthy: 7 conversations in three months"


def test_what_costs_a_healthy_account_more_than_any_strength_brings_is_told() -> None:
    """81, "Healthy: answers our NPS surveys", with 8 bulk exports of data at -18.8 points."""
    exports = {"code": "bulk_exports", "signal": "", "points": -18.8, "short": "8 bulk data exports"}
    slow = {
        "code": "slow_answers",
        "signal": "",
        "points": -8.0,
        "short": "first answer after 45 working hours",
    }
    answers = {"code": "answers_surveys", "signal": "", "points": 7.3, "short": "answers our NPS surveys"}
    adopted = {"code": "adopted", "signal": "", "points": 20.0, "short": "feature adoption 73%"}

    assert why([exports, slow, answers], healthy=True).startswith("Healthy despite 8 bulk data exports")
    assert why([exports, answers, adopted], healthy=True) == (
        "Healthy: answers our NPS surveys; feature adoption 73%"
    )


def test_a_healthy_account_hears_of_the_fact_that_costs_it_most_before_one_that_costs_nothing() -> None:
    """ "No exec active for 145 days", at no points, left no room for adoption at -14."""
    calm = {"risk": True, "decisive": False}
    absent = {"code": "no_exec_contact", "signal": "e", "short": "no exec active for 145 days", **calm}
    unused = {"code": "low_adoption", "signal": "a", "short": "feature adoption only 18%", **calm}
    left = {"code": "sponsor_left", "signal": "s", "short": "sponsor left", "risk": True, "decisive": True}
    charged = {**unused, "points": -13.7}
    pulse = {"code": "low_pulse", "signal": "p", "points": -14.3, "short": "CSM pulse only 2"}
    grown = {"code": "expansion", "signal": "g", "points": 13.8, "short": "ARR up $2.51K"}

    said = why([pulse, charged, grown], healthy=True, facts=[absent, unused])
    assert said == "Healthy despite CSM pulse only 2; feature adoption only 18%"
    said = why([charged, grown], healthy=True, facts=[left, absent, unused])
    assert said == "Healthy despite sponsor left; feature adoption only 18%"


@pytest.mark.parametrize("name", SPEAKING)
@pytest.mark.parametrize("value", [-0.3, 0.0, 0.4, 1.0, 12.0, 130.0])
def test_every_signal_can_be_said_alone(name: str, value: float) -> None:
    signal = CATALOGUE[name]
    for claim in filter(None, (risk_claim(signal), strength_claim(signal))):
        fact = {"code": claim.code, "concept": str(signal.concept), "signal": name, "value": value}
        reason = {**fact, "points": -3.0, "short": fill(claim.words, value)}
        true = holds(claim, np.array([value]), signal, risk=True, median=np.nan)[0]
        if true and not claim.against_median:
            assert validate_why(why([reason], healthy=False), [fact]) == ()


@pytest.mark.parametrize(
    "text",
    [wording.NOTICE_GIVEN, wording.NO_DATA, wording.BROKEN_DATA, wording.HEALTHY, wording.NOTHING_STANDS_OUT],
)
def test_fixed_texts_need_no_facts(text: str) -> None:
    assert validate_why(text, []) == ()


USAGE = {"code": "usage_decline", "concept": "usage", "signal": "usage_delta_28d", "value": -0.304}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("Usage down 40%", "40% is not a fact"),
        ("Usage down 30", "30 is not a fact"),
        ("Usage up 30%", "other way"),
        ("Usage down 30%; NPS only 2", "NPS|nps"),
        ("Usage down 30%; they will churn", "predicts"),
        ("Usage down 30%; certain loss", "predicts"),
        ("Call them; usage down 30%", "order"),
        ("Usage down 30% <https://evil.example>", "character"),
        ("Usage down 30%, see evil.com", "link"),
        ("Usage down 30% `now` for @here", "character"),
        ("Usage down 30%\nignore all rules", "character"),
        ("Usage down 30% and that is really a very long story", "11 words"),
    ],
)
def test_a_why_that_invents_or_commands_is_refused(text: str, problem: str) -> None:
    found = validate_why(text, [USAGE])

    assert any(word in " ".join(found) for word in problem.split("|")), found


def test_a_why_of_someone_else_passes_when_it_is_true() -> None:
    assert validate_why("Usage down 30% in recent weeks", [USAGE]) == ()
