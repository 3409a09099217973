"""Nobody reads "low adoption": every signal of the catalogue has words of its own, short and true."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from customer_health.errors import ConfigurationError
from customer_health.scoring.claims import NO_STRENGTH, RISKS, STRENGTHS, Claim
from customer_health.scoring.phrases import figure, phrased
from customer_health.scoring.reasons import holds
from customer_health.scoring.statements import (
    codes_of,
    risk_claim,
    say,
    singular,
    strength_claim,
)
from customer_health.scoring.why import validate_why
from customer_health.signals.catalogue import CATALOGUE, REASON_CODES
from customer_health.signals.signal import Concept, Direction, Grave, Signal

SPEAKING = [s for s in CATALOGUE.values() if s.reason_code and s.concept is not Concept.CALENDAR]
VALUES = (-250_000.0, -3.0, -0.3, -0.004, 0.0, 0.004, 0.3, 1.0, 2.0, 7.0, 40.0, 180.0, 12_400.0, 3_200_000.0)


def sayable(claim: Claim, value: float, signal: Signal, *, risk: bool) -> bool:
    """Whether the claim holds, with the portfolio's median on the side that lets a comparison hold."""
    above = (signal.direction is Direction.LOWER_IS_HEALTHIER) == risk
    median = -np.inf if above else np.inf
    return bool(holds(claim, np.array([value]), signal, risk=risk, median=median)[0])


def without_words(signals: list[Signal]) -> list[str]:
    """Signals whose risk or strength would be told in generic words."""
    return [
        signal.name
        for signal in signals
        if not {signal.name, signal.reason_code} & set(RISKS)
        or not {signal.name, signal.reason_code} & (set(STRENGTHS) | NO_STRENGTH)
    ]


def test_every_signal_that_may_explain_a_score_has_words_of_its_own() -> None:
    """A new signal that fails here needs a line in scoring/claims.py: what may be said, from when on."""
    assert without_words(SPEAKING) == []


def test_a_new_signal_without_words_would_be_noticed() -> None:
    new = replace(CATALOGUE["recent_nps"], name="seat_use", reason_code="low_seat_use")
    assert "seat_use" in without_words([*SPEAKING, new])


def test_no_claim_speaks_of_a_signal_or_code_that_is_gone() -> None:
    known = set(CATALOGUE) | REASON_CODES
    assert sorted((set(RISKS) | set(STRENGTHS) | NO_STRENGTH) - known) == []


@pytest.mark.parametrize("signal", SPEAKING, ids=lambda signal: signal.name)
def test_what_is_said_of_a_signal_is_short_and_passes_the_check(signal: Signal) -> None:
    for risk, claim in ((True, risk_claim(signal)), (False, strength_claim(signal))):
        if claim is None:
            continue
        for value in VALUES:
            if not sayable(claim, value, signal, risk=risk):
                continue
            text = say(claim, value, "EUR")
            fact = {"code": claim.code, "concept": signal.concept, "signal": signal.name, "value": value}
            assert validate_why(text, [fact]) == ()
            assert len(text.split()) <= 6, text
            assert value or "only 0" not in text.replace("NPS only 0", ""), text


@pytest.mark.parametrize("signal", SPEAKING, ids=lambda signal: signal.name)
def test_of_one_thing_nobody_speaks_in_the_plural(signal: Signal) -> None:
    texts = [phrased(signal, 1.0)]
    for risk, claim in ((True, risk_claim(signal)), (False, strength_claim(signal))):
        if claim is not None and sayable(claim, 1.0, signal, risk=risk):
            texts.append(say(claim, 1.0))
    nouns = "contact|conversation|day|exec|export|hour|invoice|message|request|ticket|time|user"
    for text in texts:
        assert not re.search(rf"(?<![.\d])1 (\w+ )?({nouns})s", text)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("usage_vs_own_baseline_28d", -0.3, "usage 30% below its usual level"),
        ("overdue_amount", 12_400.0, "€12.4K overdue"),
        ("overdue_amount", 840.0, "€840 overdue"),
        ("overdue_amount", 999.6, "€1K overdue"),
        ("overdue_amount", 3_250_000.0, "€3.25M overdue"),
        ("arr_change_12m", -25_000.0, "ARR down €25K"),
        ("contacts_known", 1.0, "only 1 contact known"),
        ("contacts_known", 0.0, "no contact known"),
        ("interactions_90d", 1.0, "only 1 conversation in three months"),
        ("first_response_hours_90d", 9.4, "first answers take 9 working hours"),
        ("active_days_28d", 9.0, "used only 9 days a month"),
        ("active_days_28d", 0.0, "not used for a month"),
        ("seats_change_12m_rel", -0.12, "seats down 12%"),
        ("recent_nps", 0.0, "NPS only 0"),
        ("ebr_overdue_days", 41.0, "EBR 41 days late"),
    ],
)
def test_how_a_risk_is_said(name: str, value: float, words: str) -> None:
    claim = risk_claim(CATALOGUE[name])
    assert claim is not None
    assert say(claim, value, "EUR") == words


def test_phrases_of_the_catalogue_know_one_from_many() -> None:
    assert singular("1 people spoke with us in 90 days") == "1 person spoke with us in 90 days"
    assert singular("1 real conversations in 90 days") == "1 real conversation in 90 days"
    assert singular("1 urgent tickets in 30 days") == "1 urgent ticket in 30 days"
    assert singular("1 messages that ask to cancel") == "1 message that asks to cancel"
    assert singular("1 messages that speak of a competitor") == "1 message that speaks of a competitor"
    assert singular("renewal in 1 days, 1 times in a year") == "renewal in 1 day, 1 time in a year"
    for text in ("11 tickets open", "2.1 users", "1 of 5 contracts", "1 in contracts", "1 boss left"):
        assert singular(text) == text
    assert phrased(CATALOGUE["overdue_amount"], 12_400.0, "EUR") == "12,400 EUR overdue"


def test_a_sentence_rounds_as_its_short_form_does() -> None:
    """62.5 % is 63 %, and not 62 % in one place and 63 % in the other."""
    seats = CATALOGUE["seats_change_12m_rel"]
    assert phrased(seats, 0.625) == "seats +63% in 12 months"
    assert phrased(seats, -0.001) == "seats +0% in 12 months"
    assert figure(seats, -0.125) == "-13%"
    assert figure(CATALOGUE["sponsor_change_6m"], 1.0) is None


def test_a_drop_of_a_fifth_of_the_core_action_has_a_code_of_its_own() -> None:
    """The playbook of falling use still hears of it: the ordinary code is told as well."""
    core = CATALOGUE["core_action_delta_30d"]
    claim = risk_claim(core)
    assert claim is not None
    assert codes_of(core, claim, -0.19) == ("usage_decline",)
    assert codes_of(core, claim, -0.20) == ("core_action_drop", "usage_decline")
    assert "core_action_drop" in REASON_CODES


def test_nothing_is_grave_without_a_direction() -> None:
    with pytest.raises(ConfigurationError, match="without a direction"):
        replace(CATALOGUE["tickets_90d"], reason_code="tickets", grave=Grave(5, "many_tickets"))


@pytest.mark.parametrize(("fall", "said"), [(-0.02, False), (-0.049, False), (-0.05, True), (-0.3, True)])
def test_a_change_that_nobody_would_call_one_is_not_told(fall: float, said: bool) -> None:
    """ "Usage revenue down 2%" led the Why of a customer whose concept cost 12 points."""
    signal = CATALOGUE["core_action_delta_30d"]
    claim = risk_claim(signal)
    assert claim is not None
    assert holds(claim, np.array([fall]), signal, risk=True, median=np.nan)[0] == said
