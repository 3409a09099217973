"""Whys that differ where customers differ; what changed comes before what is constant."""

from __future__ import annotations

from typing import Any

from customer_health.scoring.explanation import explain
from customer_health.scoring.why import MAX_WORDS, NOTHING_STANDS_OUT
from customer_health.scoring.why_variety import vary


def reason(
    code: str, short: str, concept: str, signal: str, value: float, points: float = -5.0
) -> dict[str, Any]:
    return {
        "code": code, "short": short, "concept": concept, "signal": signal, "value": value, "points": points,
        "phrase": short,
    }  # fmt: skip


ADOPTION = reason("low_adoption", "feature adoption only 31%", "usage", "feature_adoption_score", 0.31, -9)
LOWER = reason("low_adoption", "feature adoption only 24%", "usage", "feature_adoption_score", 0.24, -9)
NPS = reason("low_nps", "NPS only 4", "sentiment", "recent_nps", 4, -3)
OVERDUE = reason("overdue_invoices", "invoice 40 days overdue", "billing", "overdue_days_max", 40, -2)
USAGE = reason("usage_decline", "usage down 30%", "usage", "usage_delta_28d", -0.3, -4)


def row(why: str, *reasons: dict[str, Any], facts: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "why": why,
        "reasons": list(reasons),
        "facts": list(facts),
        "tier": "Critical",
        "score_shown": 20,
    }


def test_accounts_with_one_line_and_different_troubles_are_told_apart() -> None:
    line = "Feature adoption only 31%; renewal in 60 days"
    found = vary([row(line, ADOPTION, NPS), row(line, ADOPTION, OVERDUE)], [60.0, 60.0])
    assert found == [
        "Feature adoption only 31%; NPS only 4",
        "Feature adoption only 31%; invoice 40 days overdue",
    ]
    assert all(len(text.split()) <= MAX_WORDS for text in found)


def test_a_reason_that_outweighs_all_others_is_never_given_up_for_variety() -> None:
    """7 bulk exports of data, at -17 points, gave way to "first answers take 6 working hours", at -2."""
    change = reason("contract_modification", "contract change requested", "commercial", "arr", 2, -2)
    change = {**change, "decisive": True, "risk": True}
    heavy = reason("low_adoption", "feature adoption only 31%", "usage", "feature_adoption_score", 0.31, -17)
    line = "Contract change requested; feature adoption only 31%"
    lines = vary([row(line, heavy, one, facts=(change,)) for one in (NPS, OVERDUE)], [None, None])
    assert all("feature adoption only 31%" in text for text in lines if text)


def test_what_weighs_little_does_not_take_the_place_of_what_weighs_much() -> None:
    """ "No expansion in a year", at 4 points, was told instead of "feature adoption only 27%", at 30."""
    late = {**OVERDUE, "decisive": True, "risk": True}
    heavy = reason("low_adoption", "feature adoption only 27%", "usage", "feature_adoption_score", 0.27, -30)
    other = reason("low_nps", "NPS only 4", "sentiment", "recent_nps", 4, -28)
    light = reason("no_expansion", "no expansion in a year", "commercial", "arr", 0, -4)
    line = "Invoice 40 days overdue; feature adoption only 27%"
    lines = vary([row(line, heavy, other, light, facts=(late,)) for _ in range(3)], [None] * 3)
    assert all(text and "no expansion" not in text for text in lines)
    assert lines[0] in (line, "Invoice 40 days overdue; NPS only 4")


def test_a_fact_that_costs_more_than_all_else_stays_told_too() -> None:
    """It was taken for said, because a headline fact says it, and given up."""
    low = {**ADOPTION, "points": -21.0}
    fact = {**low, "decisive": False, "risk": True}
    down = reason("arr_contraction", "ARR down 30%", "commercial", "arr_change_12m_rel", -0.3, -7)
    pulse = reason("low_pulse", "CSM pulse only 2", "relationship", "csm_pulse", 2, -5)
    line = "ARR down 30%; feature adoption only 31%"
    lines = vary([row(line, low, down, pulse, facts=(fact,)) for _ in range(3)], [None] * 3)
    assert all(text and "feature adoption only 31%" in text for text in lines)


def test_numbers_alone_do_not_make_two_lines_different() -> None:
    rows = [
        row("Feature adoption only 31%; renewal in 60 days", ADOPTION, NPS),
        row("Feature adoption only 24%; renewal in 61 days", LOWER, OVERDUE),
    ]
    assert vary(rows, [60.0, 61.0])[1] == "Feature adoption only 24%; invoice 40 days overdue"


def test_what_is_rare_is_not_told_by_everybody_in_the_end() -> None:
    """Each has the overdue invoice and the low NPS: half tell one, half the other."""
    line = "Feature adoption only 31%; renewal in 60 days"
    found = vary([row(line, ADOPTION, NPS, OVERDUE) for _ in range(4)], [60.0] * 4)
    assert len(set(found)) >= 2
    assert max(found.count(text) for text in found) <= 2
    assert all(text is not None and text.startswith("Feature adoption only 31%") for text in found)


def test_equal_facts_may_have_equal_lines() -> None:
    line = "Feature adoption only 31%; renewal in 60 days"
    assert vary([row(line, ADOPTION), row(line, ADOPTION)], [60.0, 60.0]) == [line, line]


def test_what_changed_comes_before_what_has_long_been_so() -> None:
    (found,) = vary([row("Feature adoption only 31%; usage down 30%", ADOPTION, USAGE)], [None])
    assert found == "Usage down 30%; feature adoption only 31%"


def test_a_decisive_fact_stays_first() -> None:
    fact = {**NPS, "decisive": True, "risk": True}
    (found,) = vary([row("NPS only 4; usage down 30%", USAGE, facts=(fact,))], [None])
    assert found == "NPS only 4; usage down 30%"


def test_a_decisive_fact_is_never_given_up_for_variety() -> None:
    """Two escalations and two toxic accounts may read alike; neither fact makes room for a rarer trifle."""
    escalation = reason("escalation", "1 support escalation", "support", "escalations_90d", 1)
    toxic = reason(
        "negative_sentiment", "support sentiment toxic", "sentiment", "support_sentiment_recent_90d", 0.1
    )
    facts = tuple({**one, "decisive": True, "risk": True} for one in (escalation, toxic))
    line = "1 support escalation; support sentiment toxic"
    found = vary([row(line, ADOPTION, facts=facts), row(line, OVERDUE, facts=facts)], [None, None])
    assert all(one is not None and one.startswith(line) for one in found)
    assert "invoice 40 days overdue" in str(found[1])


def test_what_a_fact_says_is_not_said_again_by_the_reason_beside_it() -> None:
    fact = {**reason("names_competitor", "4 messages name competitors", "sentiment", "competitors", 4)}
    same = reason("names_competitor", "a competitor named in 4 messages", "sentiment", "competitors", 4)
    rows = [row("4 messages name competitors", same, facts=({**fact, "decisive": False, "risk": True},))] * 2
    assert vary(rows, [None, None]) == ["4 messages name competitors"] * 2


def test_a_line_that_begins_with_the_renewal_keeps_it_there() -> None:
    line = "Renewal in 60 days; feature adoption only 31%"
    assert vary([row(line, ADOPTION, NPS), row(line, ADOPTION, OVERDUE)], [60.0, 60.0]) == [line, line]


def test_lines_that_are_not_made_of_facts_stay_as_they_are() -> None:
    rows = [row(NOTHING_STANDS_OUT, ADOPTION), {"why": None, "reasons": [], "facts": None}]
    assert vary(rows, [None, None]) == [NOTHING_STANDS_OUT, None]


def test_the_explanation_says_what_weighs_what_moved_and_what_lies_ahead() -> None:
    change = {"delta": -12, "since": "2026-02-22", "moved": [{"concept": "usage", "points": -9.0}]}
    text = explain({**row("", ADOPTION, NPS), "change": change}, 60.0)
    assert text == (
        "Critical at 20: feature adoption only 31% and NPS only 4. "
        "The score fell by 12 points since 22 Feb 2026, mostly usage. Renewal in 60 days."
    )


def test_nothing_to_explain_is_no_explanation() -> None:
    assert explain({**row(""), "change": None}, None) is None
