"""What moved since the previous published score."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from tests.lib.scoring_world import AS_OF, FROZEN, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.score_changes import changes_since
from customer_health.scoring.statements import renewal_words
from customer_health.scoring.why import validate_why

LAST_WEEK = date(2026, 2, 22)


def scored(rows: dict[str, dict[str, float]], as_of: date = AS_OF, previous: pd.DataFrame | None = None):
    frame = panel({"quiet": {}, **rows}, as_of)
    return score_accounts(
        frame,
        HandChampion(reference=FROZEN),
        CompanyConfig(),
        as_of=as_of,
        previous=previous,
        catalogue=SIGNALS,
    ).set_index("account_id")


def test_a_drop_names_the_concepts_that_caused_it() -> None:
    before = scored({"acme": {}}, LAST_WEEK)
    after = scored({"acme": {"usage_delta_28d": -0.5}}, previous=before.reset_index())

    change = after.at["acme", "change"]

    assert change["from"] == before.at["acme", "score_shown"]
    assert change["delta"] == after.at["acme", "score_shown"] - change["from"] < 0
    assert (change["arrow"], change["since"], change["model_changed"]) == ("▼", "2026-02-22", False)
    assert change["moved"][0]["concept"] == "usage"


def test_the_moves_add_up_to_the_change_of_the_score() -> None:
    before = scored({"acme": {"recent_nps": 9.0}}, LAST_WEEK)
    after = scored({"acme": {"usage_delta_28d": -0.2, "recent_nps": 3.0}}, previous=before.reset_index())

    moved = sum(step["points"] for step in after.at["acme", "change"]["moved"])

    difference = after.at["acme", "score"] - before.at["acme", "score"]
    assert abs(moved - difference) < 3  # steps below one point are left out


def test_the_largest_move_comes_first() -> None:
    before = scored({"acme": {}}, LAST_WEEK)
    after = scored({"acme": {"usage_delta_28d": -0.2, "recent_nps": 2.0}}, previous=before.reset_index())

    sizes = [abs(step["points"]) for step in after.at["acme", "change"]["moved"]]

    assert len(sizes) > 1
    assert sizes == sorted(sizes, reverse=True)


def test_an_unmoved_score_gets_a_flat_arrow_and_a_newcomer_none() -> None:
    before = scored({"acme": {}}, LAST_WEEK)
    after = scored({"acme": {}}, previous=before.reset_index())

    assert after.at["acme", "change"] | {"since": ""} == {
        "from": before.at["acme", "score_shown"], "delta": 0, "arrow": "►", "since": "",
        "model_changed": False, "moved": [],
    }  # fmt: skip
    assert scored({"new": {}}, previous=before.reset_index()).at["new", "change"] is None


def test_an_account_without_a_score_has_no_change() -> None:
    before = scored({"acme": {}}, LAST_WEEK)
    after = scored({"acme": {"notice_given": True}}, previous=before.reset_index())

    assert after.at["acme", "change"] is None


def test_a_new_model_is_named_as_such() -> None:
    before = scored({"acme": {}}, LAST_WEEK).assign(model_id="older")

    assert scored({"acme": {}}, previous=before.reset_index()).at["acme", "change"]["model_changed"]


def test_published_rows_without_waterfall_are_compared_by_their_reasons() -> None:
    before = scored({"acme": {}}, LAST_WEEK).drop(columns="waterfall").reset_index()
    after = scored({"acme": {"usage_delta_28d": -0.5}}).reset_index()

    change = changes_since(before, after)[after["account_id"].tolist().index("acme")]

    assert change is not None
    assert change["moved"][0]["concept"] == "usage"
    assert change["moved"][0]["points"] < 0


def test_scores_of_the_same_day_or_later_are_no_past() -> None:
    later = scored({"acme": {"usage_delta_28d": -0.9}}, date(2026, 3, 8)).reset_index()

    pd.testing.assert_frame_equal(scored({"acme": {}}, previous=later), scored({"acme": {}}))


def test_a_date_that_comes_nearer_moves_neither_score_nor_tier_nor_reason() -> None:
    before = scored({"acme": {"days_to_renewal": 400.0, "recent_nps": 6.0}}, LAST_WEEK)
    after = scored({"acme": {"days_to_renewal": 20.0, "recent_nps": 6.0}}, previous=before.reset_index())

    row = after.loc["acme"]

    assert row["score"] == before.at["acme", "score"]
    assert (row["change"]["delta"], row["change"]["moved"]) == (0, [])
    assert row["why"] == "NPS only 6; renewal in 20 days"
    assert validate_why(row["why"], row["reasons"]) == ()
    context = row["reasons"][-1]
    assert (context["concept"], context["points"]) == ("calendar", 0.0)
    assert context["phrase"] == "Renewal in 20 days"
    assert row["p180"] > before.at["acme", "p180"], "urgency is told by the probabilities"


def test_a_fall_with_another_cause_is_not_put_on_the_calendar() -> None:
    before = scored({"acme": {"days_to_renewal": 41.0}}, LAST_WEEK)
    worse = {"days_to_renewal": 34.0, "sponsor_change_6m": 1.0, "recent_nps": 1.0}
    after = scored({"acme": worse}, previous=before.reset_index())

    assert after.at["acme", "change"]["delta"] < -5
    assert not after.at["acme", "why"].startswith("Renewal")


def test_a_renewal_that_is_today_or_tomorrow_is_said_in_words() -> None:
    assert [renewal_words(days) for days in (0, 1, 2, -3)] == [
        "renewal today", "renewal in 1 day", "renewal in 2 days", "renewal date has passed",
    ]  # fmt: skip


def test_where_the_scale_ends_no_concept_is_charged_for_more_than_was_lost() -> None:
    before = scored({"acme": {"recent_nps": 10.0, "usage_delta_28d": 0.9}}, LAST_WEEK)
    after = scored({"acme": {"recent_nps": 2.0, "usage_delta_28d": 0.9}}, previous=before.reset_index())

    change = after.at["acme", "change"]

    assert {step["concept"] for step in change["moved"]} <= {"sentiment", "smoothing"}
    lost = after.at["acme", "score"] - before.at["acme", "score"]
    assert sum(step["points"] for step in change["moved"]) == pytest.approx(lost, abs=1.5)
