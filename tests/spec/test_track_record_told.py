"""Why a score stays high beside a grave fact: what such facts have cost here is said where it is asked."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest
from tests.lib.destinations.effects import effect
from tests.lib.headlines import headlines
from tests.lib.ledger import promised, publish, run
from tests.lib.scoring_world import AS_OF, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.model.data.track_record import TrackRecord
from customer_health.scoring import track_words
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.explanation import explain
from customer_health.scoring.headlines import ENOUGH_CUSTOMERS, gravity
from customer_health.scoring.why import MAX_WORDS, validate_why
from customer_health.scoring.why_variety import vary

CHEAP = TrackRecord(41, 2, 0.015, 0.14, 0.06)
COSTLY = TrackRecord(12, 4, 0.16, 0.56, 0.08)
RARE = TrackRecord(3, 1, 0.09, 0.74, 0.06)
DOWN = {"core_action_delta_30d": -0.67, "core_action_fall_sd": 3.0}


def scored(
    accounts: Mapping[str, Mapping[str, float]], records: Mapping[str, TrackRecord], **config: object
) -> pd.DataFrame:
    champion = HandChampion(track_records=records)
    rows = score_accounts(panel(accounts), champion, CompanyConfig.model_validate(config), as_of=AS_OF)
    return rows.set_index("account_id", drop=False)


@pytest.mark.parametrize(
    ("record", "full", "brief"),
    [
        (CHEAP, "41 times before, 2 left at their decision (5%; comparable customers 6%)", "2 of 41 left"),
        (
            COSTLY,
            "12 times before, 4 left at their decision (33%; comparable customers 8%): "
            "it has cost customers here",
            "4 of 12 left",
        ),
        (RARE, "too few to say: 3 times before, 1 left", "only 3 times before"),
        (
            TrackRecord(436, 34, 0.06, 0.1, 0.05),
            "436 times before, 34 left at their decision (8%; comparable customers 5%)",
            "8% left vs 5%",
        ),
        (TrackRecord(1, 0), "too few to say: once before, none left", "only once before"),
        (TrackRecord(0, 0), "never before here", "first time here"),
        (TrackRecord(11, 0, 0.0, 0.2), "11 times before, none left at their decision (0%)", "0 of 11 left"),
    ],
)
def test_a_record_reads_as_people_say_it(record: TrackRecord, full: str, brief: str) -> None:
    assert (track_words.in_full(record), track_words.in_brief(record)) == (full, brief)
    assert len(brief.split()) <= 4


def test_a_healthy_why_beside_a_decisive_fact_says_what_such_facts_have_cost() -> None:
    """One clause, about the worst one, within the ten words; the explanation tells them all."""
    acme = DOWN | {"contract_modification_attempts_180d": 1.0}
    row = scored({"acme": acme}, {"core_action_drop": CHEAP, "contract_modification": RARE}).loc["acme"]
    assert row["why"] == "Healthy despite contract change requested (only 3 times before)"
    told = explain(row, None)
    assert told is not None
    assert "What this has meant here is in the score: core action down, 2 of 41 left" in told
    assert "Too rare here to be priced: asked to change the contract." in told


def test_the_clause_is_kept_when_whys_are_told_apart_and_may_be_published() -> None:
    rows = scored({"a": DOWN, "b": DOWN, "c": DOWN}, {"core_action_drop": CHEAP})
    for why, row in zip(vary(rows.to_dict("records"), [None] * 3), rows.to_dict("records"), strict=True):
        assert why is not None
        assert "core usage down 67% (2 of 41 left)" in why
        assert len(why.split()) <= MAX_WORDS
        assert not validate_why(why, [*row["facts"], *row["reasons"]])
        assert validate_why(why.replace("2 of 41", "2 of 42"), [*row["facts"], *row["reasons"]])


def test_a_low_score_needs_no_record_and_one_without_records_says_none() -> None:
    """Where the score follows the facts, nobody asks why; older models counted nothing."""
    low = {**DOWN, "usage_delta_28d": -0.9, "open_critical_tickets": 4.0, "recent_nps": 0.0}
    rows = scored({"low": low, "acme": DOWN}, {"core_action_drop": CHEAP})
    assert rows.loc["low", "tier"] != "Healthy"
    assert "left)" not in rows.loc["low", "why"]
    assert "left)" in rows.loc["acme", "why"]
    assert scored({"acme": DOWN}, {}).loc["acme", "why"] == "Healthy despite core usage down 67%"


PROVEN = TrackRecord(649, 35, 0.041, 0.07, 0.05)
LEAVING = TrackRecord(17, 17, 0.86, 1.0, 0.05)


def test_what_has_cost_customers_here_is_decisive_and_what_has_not_is_not() -> None:
    both = DOWN | {"competitor_mentions_180d": 6.0}
    facts = scored({"acme": both}, {"core_action_drop": PROVEN, "names_competitor": COSTLY}).loc[
        "acme", "facts"
    ]
    assert [(fact["code"], fact["decisive"]) for fact in facts] == [
        ("names_competitor", True),
        ("core_action_drop", False),
    ]
    no_more = TrackRecord(150, 4, 0.012, 0.058, 0.04)
    few = TrackRecord(40, 1, 0.006, 0.1, 0.04)
    for record, decisive in ((no_more, False), (few, True)):
        [fact] = scored({"acme": DOWN}, {"core_action_drop": record}).loc["acme", "facts"]
        assert fact["decisive"] is decisive
    unknown = scored({"acme": both}, {"core_action_drop": CHEAP, "names_competitor": RARE}).loc[
        "acme", "facts"
    ]
    assert [fact["code"] for fact in unknown if fact["decisive"]] == ["core_action_drop"]


def test_a_fact_after_which_most_customers_left_holds_the_score_down_and_no_signal_is_a_lever() -> None:
    asked = {"export_requests_90d": 3.0}
    held = scored({"acme": asked}, {"asks_for_export": LEAVING}).loc["acme"]
    free = scored({"acme": asked}, {"asks_for_export": COSTLY}).loc["acme"]
    assert free["score_shown"] > 70
    assert (held["score_shown"], held["tier"]) == (29, "Critical")
    assert held["waterfall"]["facts"] == pytest.approx(held["score"] - free["score"], abs=0.1)
    assert held["lever"]["text"].startswith("Nothing else counts while this stands: ")
    never = scored({"acme": asked}, {"asks_for_export": LEAVING}, facts={"lost_ceiling": None}).loc["acme"]
    assert never["score_shown"] == free["score_shown"]


def test_a_task_says_it_beside_the_fact() -> None:
    fact = headlines("sponsor_left")[0] | {"record_words": track_words.in_full(CHEAP)}
    text = task_markdown(effect("create_task", facts=[fact]).payload)
    assert "here: 41 times before, 2 left at their decision (5%; comparable customers 6%)" in text


def _company(angry: int, **more: object) -> dict[str, dict[str, float]]:
    """A company of 100, of whom some have an escalation, and the first three of them many."""
    accounts = {f"a{i:03d}": {"escalations_90d": 1.0 if i < angry else 0.0} for i in range(100)}
    for i in range(3):
        accounts[f"a{i:03d}"] = {"escalations_90d": 4.0}
    return accounts


def test_what_two_fifths_of_the_customers_have_is_a_finding_about_the_company() -> None:
    """It stays listed on each account; it counts for those only at whom it is graver than usual."""
    rows = scored(_company(38), {"escalation": CHEAP})
    usual, grave = rows.loc["a010", "facts"], rows.loc["a001", "facts"]
    assert [fact["code"] for fact in usual] == [fact["code"] for fact in grave] == ["escalation"]
    assert (usual[0]["common"], usual[0]["weighs"], usual[0]["decisive"]) == (0.38, False, False)
    assert (grave[0]["common"], grave[0]["weighs"], grave[0]["decisive"]) == (0.38, True, True)
    assert (gravity(usual), gravity(grave)) == (0, 2)
    found = track_words.company_wide(rows["facts"].tolist())
    assert [(one["code"], one["accounts"]) for one in found] == [("escalation", 38)]
    assert track_words.company_wide_words(found) == (
        "Company-wide, so no single account's headline: escalated to management, 38% of customers."
    )


def test_a_common_fact_that_has_cost_customers_counts_for_each_of_them() -> None:
    rows = scored(_company(38), {"escalation": COSTLY})
    assert rows.loc["a010", "facts"][0]["decisive"]


def test_a_rare_fact_and_a_small_company_have_no_company_wide_finding() -> None:
    assert scored(_company(20), {}).loc["a010", "facts"][0]["common"] is None
    few = {f"a{i}": {"escalations_90d": 1.0} for i in range(ENOUGH_CUSTOMERS - 1)}
    assert scored(few, {}).loc["a0", "facts"][0]["decisive"]
    never = scored(_company(38), {}, facts={"common_share": None})
    assert never.loc["a010", "facts"][0]["decisive"]


def test_a_renewal_within_a_month_below_healthy_is_asked_about_once(ledger) -> None:
    """Past the day of notice it looks safe, and nobody had asked on what terms it goes on."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    soon = {"score": 57, "attention": False, "arr": 50_000.0, "days_to_renewal": 14}
    publish(ledger, 2, {"soon": soon, "well": soon | {"score": 80}, "far": soon | {"days_to_renewal": 70}})
    run(ledger, 2)
    publish(ledger, 3, {"soon": soon | {"days_to_renewal": 13, "attention": True}})
    run(ledger, 3)
    asked = promised(ledger, "create_task", playbook="renewal_confirmation")
    assert [task["account_id"] for task in asked] == ["soon"]
    assert not promised(ledger, "create_task", playbook="renewal_at_risk")


def test_a_review_that_was_asked_for_is_not_asked_for_again_by_the_next_play(ledger) -> None:
    """From At Risk to Red within a fortnight: the rest of the save begins, without a second invitation."""
    publish(ledger, 1, {"other": 80})
    run(ledger, 1)
    for number, score in ((2, 44), (16, 35)):
        publish(ledger, number, {"acme": {"score": score, "arr": 50_000.0}})
        run(ledger, number)
    asked = [
        (one["playbook"], one["step"])
        for verb in ("propose_meeting", "create_task")
        for one in promised(ledger, verb)
        if verb == "propose_meeting" or one["payload"]["type"] == "schedule_ebr"
    ]
    assert {playbook for playbook, _ in asked} == {"at_risk"}
    assert promised(ledger, "create_task", playbook="red_save"), "the save itself has begun"
