"""What moved since the previous published score."""

from __future__ import annotations

from datetime import date

import pandas as pd
from tests.lib.scoring_world import AS_OF, SIGNALS, HandChampion, panel

from customer_health.scoring.changes import changes_since
from customer_health.scoring.score import score_accounts
from customer_health.settings import CompanyConfig

LAST_WEEK = date(2026, 2, 22)


def scored(rows: dict[str, dict[str, float]], as_of: date = AS_OF, previous: pd.DataFrame | None = None):
    frame = panel({"quiet": {}, **rows}, as_of)
    return score_accounts(
        frame, HandChampion(), CompanyConfig(), as_of=as_of, previous=previous, catalogue=SIGNALS
    ).set_index("account_id")


def test_a_drop_names_the_concepts_that_caused_it() -> None:
    before = scored({"acme": {}}, LAST_WEEK)
    after = scored({"acme": {"usage_delta_28d": -0.5}}, previous=before.reset_index())

    change = after.at["acme", "change"]

    assert change["from"] == before.at["acme", "score_shown"]
    assert change["delta"] == after.at["acme", "score_shown"] - change["from"] < 0
    assert (change["arrow"], change["since"], change["model_changed"]) == ("▼", "2026-02-22", False)
    assert change["moved"][0]["concept"] in {"usage", "start"}


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


def test_the_previous_score_never_touches_the_new_one() -> None:
    before = scored({"acme": {"usage_delta_28d": -0.9}}, LAST_WEEK).reset_index()

    with_it, without = scored({"acme": {}}, previous=before), scored({"acme": {}})

    pd.testing.assert_frame_equal(with_it.drop(columns="change"), without.drop(columns="change"))
