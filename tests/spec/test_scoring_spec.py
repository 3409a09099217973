"""What a score promises to those who work with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from tests.lib.scoring_world import AS_OF, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig, ScoreConfig
from customer_health.errors import DataContractError
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.tiers import tier_of
from customer_health.signals.signal import Direction

# Trouble on every front that the rules know.
DOOMED = {
    "usage_trend_slope": -0.5, "feature_adoption_score": 0.1, "open_critical_tickets": 2.0, "recent_nps": 0.0,
    "days_to_renewal": 30.0, "arr_change_12m": -5000.0,
}  # fmt: skip


def scores(
    rows: dict[str, dict[str, Any]], *, champion: Any = "hand", config: CompanyConfig | None = None
) -> pd.DataFrame:
    """Scores of a few accounts beside an ordinary one, by account."""
    frame = panel({"ordinary": {}, **rows})
    chosen = HandChampion() if champion == "hand" else champion
    return score_accounts(frame, chosen, config or CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS).set_index(
        "account_id"
    )


def codes(row: Any, sign: int = -1) -> list[str]:
    return [reason["code"] for reason in row["reasons"] if reason["points"] * sign > 0]


@pytest.mark.parametrize(
    ("score", "tier", "band"),
    [
        (0, "Critical", "Red"), (29, "Critical", "Red"), (30, "At Risk", "Red"), (40, "At Risk", "Red"),
        (41, "At Risk", "Yellow"), (49, "At Risk", "Yellow"), (50, "Attention", "Yellow"),
        (69, "Attention", "Yellow"), (70, "Healthy", "Yellow"), (71, "Healthy", "Green"),
        (100, "Healthy", "Green"),
    ],
)  # fmt: skip
def test_both_documents_tiers_hold_at_their_edges(score: int, tier: str, band: str) -> None:
    assert (tier_of(score, "four_tier"), tier_of(score, "rag")) == (tier, band)


def test_the_aligned_bands_nest_in_the_four_tiers() -> None:
    pairs = {(tier_of(score, "four_tier"), tier_of(score, "aligned")) for score in range(101)}

    assert pairs == {("Critical", "Red"), ("At Risk", "Red"), ("Attention", "Yellow"), ("Healthy", "Green")}


def test_the_tier_always_agrees_with_the_score_people_see() -> None:
    rows = {f"a{i}": {"usage_delta_28d": i / 50 - 1} for i in range(100)}

    for _, row in scores(rows).iterrows():
        assert abs(row["score"] - row["score_shown"]) <= 0.5
        assert row["tier"] == tier_of(int(row["score_shown"]), "four_tier")
        assert row["band"] == tier_of(int(row["score_shown"]), "rag")


def test_more_risk_is_a_lower_score_and_the_champion_says_what_the_score_means() -> None:
    frame = scores({"worse": {"usage_delta_28d": -0.4}})

    assert frame.at["worse", "p180"] > frame.at["ordinary", "p180"]
    assert frame.at["worse", "score"] < frame.at["ordinary", "score"]
    assert set(frame["meaning"]) == {"health_119d"}
    urgent = scores({}, champion=HandChampion(health_horizon=90))
    assert urgent.at["ordinary", "score"] != frame.at["ordinary", "score"]
    assert urgent.at["ordinary", "meaning"] == "health_63d"


def test_expected_loss_is_the_probability_at_the_next_decision_times_the_revenue() -> None:
    frame = scores({"big": {"arr": 200_000.0}})

    assert frame.at["big", "expected_loss"] == pytest.approx(frame.at["big", "p_decision"] * 200_000)


def test_low_health_or_a_near_decision_at_high_risk_needs_attention() -> None:
    risky = {"usage_delta_28d": -0.1}
    frame = scores(
        {
            "unwell": {"usage_delta_28d": -0.6},
            "urgent": {**risky, "days_to_renewal": 20.0},
            "monthly": {"usage_delta_28d": -0.2, "days_to_renewal": None},
            "calm_monthly": {"days_to_renewal": None},
            "later": {**risky, "days_to_renewal": 300.0},
            "near": {"usage_delta_28d": 0.5, "days_to_renewal": 20.0},
        }
    )

    assert frame["attention"].to_dict() == {
        "calm_monthly": False, "later": False, "monthly": True, "near": False, "ordinary": False,
        "unwell": True, "urgent": True,
    }  # fmt: skip
    assert frame.at["urgent", "score"] == frame.at["later", "score"]
    assert frame.loc[["urgent", "monthly"], "score_shown"].min() > 49


def test_a_why_tells_what_costs_most_in_at_most_ten_words() -> None:
    acme = {"usage_delta_28d": -0.3, "sponsor_change_6m": 1.0, "recent_nps": 2.0}

    row = scores({"acme": acme}).loc["acme"]

    assert row["why"] == "NPS only 2; usage down 30%; sponsor or champion gone"
    assert codes(row) == ["low_nps", "usage_decline", "sponsor_left"]
    assert row["reasons"][1]["phrase"] == "Usage -30% against the 4 weeks before"


def test_a_healthy_account_hears_what_speaks_for_it() -> None:
    row = scores({"acme": {"usage_delta_28d": 0.25, "recent_nps": 10.0}, "other": {"recent_nps": 3.0}}).loc[
        "acme"
    ]

    assert row["tier"] == "Healthy"
    assert row["why"] == "Healthy: usage up 25%; NPS 10"
    assert codes(row) == []


def test_growing_usage_is_never_called_a_decline_whatever_the_model_thinks() -> None:
    upside_down = HandChampion(weights={"usage_delta_28d": 4.0})

    row = scores({"acme": {"usage_delta_28d": 0.5}}, champion=upside_down).loc["acme"]

    assert row["score"] < 60
    assert codes(row) == []
    assert row["why"] == "Usage pulls the score down"


def test_a_good_sign_never_triggers_the_playbook_of_its_opposite() -> None:
    row = scores({"acme": {"usage_delta_28d": 0.5}}).loc["acme"]

    assert codes(row, sign=1) == ["usage_growth"]


def test_an_unknown_signal_is_no_reason() -> None:
    row = scores({"acme": {"recent_nps": np.nan}, "happy": {"recent_nps": 10.0}}).loc["acme"]

    assert "low_nps" not in codes(row)


def test_a_near_renewal_is_context_and_never_the_reason() -> None:
    row = scores({"acme": {"days_to_renewal": 20.0}}).loc["acme"]

    assert "calendar" not in row["waterfall"] or row["waterfall"]["calendar"] == 0
    assert codes(row) == []
    assert [reason["phrase"] for reason in row["reasons"] if "context" in reason] == ["Renewal in 20 days"]
    assert row["score"] == scores({}).at["ordinary", "score"]


def test_a_near_renewal_is_said_after_every_named_risk() -> None:
    row = scores({"acme": {"days_to_renewal": 20.0, "recent_nps": 6.0}}).loc["acme"]

    assert row["why"] == "NPS only 6; renewal in 20 days"


def test_not_even_a_calendar_with_a_good_and_a_bad_side_is_a_reason() -> None:
    judged = replace(SIGNALS["days_to_renewal"], direction=Direction.HIGHER_IS_HEALTHIER)
    frame = panel({"acme": {"days_to_renewal": 20.0}, "ordinary": {}, "third": {}})

    scored = score_accounts(
        frame,
        HandChampion(),
        CompanyConfig(),
        as_of=AS_OF,
        catalogue={**SIGNALS, "days_to_renewal": judged},
    )

    assert codes(scored.set_index("account_id").loc["acme"]) == []


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_value_counts_as_unknown(value: float) -> None:
    infinite, unknown = scores({"acme": {"recent_nps": value}}), scores({"acme": {"recent_nps": np.nan}})

    pd.testing.assert_frame_equal(infinite, unknown)


def test_a_second_trouble_of_the_same_kind_is_still_found_by_its_code() -> None:
    row = scores({"acme": {"usage_delta_28d": -0.6, "feature_adoption_score": 0.1}}).loc["acme"]

    usage = row["reasons"][0]
    assert (usage["code"], usage["also"]) == ("usage_decline", ["low_adoption"])


def test_who_gave_notice_has_a_state_and_no_score() -> None:
    row = scores({"acme": {"notice_given": True}}).loc["acme"]

    assert (row["state"], row["why"]) == ("notice_given", "Customer gave notice; scoring has stopped")
    assert pd.isna(row["score"])
    assert pd.isna(row["score_shown"])
    assert row["tier"] is None
    assert row["reasons"] == []


def test_a_newcomer_has_no_health_score_and_is_told_why() -> None:
    row = scores({"acme": {"tenure_days": 20}}).loc["acme"]

    assert row["state"] == "onboarding"
    assert row["why"] == "Onboarding, day 20: no reference until the next training"
    assert pd.isna(row["score"])


@pytest.mark.parametrize("coverage", [0.0, np.nan])
def test_an_account_without_any_signal_is_not_called_healthy(coverage: float) -> None:
    row = scores({"acme": {"coverage": coverage}}).loc["acme"]

    assert (row["state"], row["why"]) == ("not_scored_yet", "Not scored: no signal is known yet")


def test_an_account_of_which_hardly_anything_is_known_has_no_score_and_says_what_is_missing() -> None:
    dark = dict.fromkeys(["usage_delta_28d", "usage_trend_slope", "feature_adoption_score"], np.nan)
    dark |= dict.fromkeys(["open_critical_tickets", "sponsor_change_6m", "escalations_90d"], np.nan)
    others = {f"a{i}": {"usage_delta_28d": -i / 10, "open_critical_tickets": i % 3} for i in range(9)}

    frame = scores({"dark": dark, **others})

    assert frame.at["dark", "state"] == "too_little_known"
    assert frame.at["dark", "why"] == "Too little known: usage, support data missing"
    assert pd.isna(frame.at["dark", "score"])
    assert frame.at["dark", "tier"] is None
    assert set(frame["state"].drop("dark")) == {"scored"}


def test_the_rules_call_nobody_healthy_of_whom_they_know_a_fraction() -> None:
    dark = dict.fromkeys(["usage_trend_slope", "feature_adoption_score", "open_critical_tickets"], np.nan)

    row = scores({"acme": {**dark, "arr_change_12m": np.nan}}, champion=None).loc["acme"]

    assert row["state"] == "too_little_known"
    assert row["why"] == "Too little known: usage, support, commercial data missing"


def test_who_is_no_customer_gets_no_row() -> None:
    assert "acme" not in scores({"acme": {"is_customer": False}}).index


def test_a_portfolio_of_newcomers_gives_rows_without_scores() -> None:
    frame = score_accounts(
        panel({"a": {"tenure_days": 1}}), HandChampion(), CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS
    )

    assert frame["state"].tolist() == ["onboarding"]


@pytest.mark.parametrize("champion", ["hand", None])
def test_a_portfolio_without_customers_gives_no_rows(champion: Any) -> None:
    chosen = HandChampion() if champion else None
    frame = score_accounts(
        panel({"a": {"is_customer": False}}), chosen, CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS
    )

    assert frame.empty
    assert "score_shown" in frame


def test_a_day_without_signals_is_refused() -> None:
    with pytest.raises(DataContractError, match="2026-03-01"):
        score_accounts(panel({"a": {}}).iloc[:0], None, CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS)


def test_an_account_twice_in_the_panel_is_refused() -> None:
    twice = pd.concat([panel({"a": {}}), panel({"a": {}})])

    with pytest.raises(DataContractError, match="twice"):
        score_accounts(twice, None, CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS)


def test_a_misspelt_scheme_is_refused_before_anything_is_scored() -> None:
    with pytest.raises(ValidationError, match="'four_teir' is not a tier scheme"):
        ScoreConfig(scheme="four_teir")


def test_without_a_champion_the_rules_score_and_no_probability_is_claimed() -> None:
    row = scores({"acme": DOOMED}, champion=None).loc["acme"]

    assert (row["score_shown"], row["tier"], row["mode"], row["model_id"]) == (
        5,
        "Critical",
        "rules",
        "rules_v1_seed",
    )
    assert np.isnan([row["p90"], row["p180"], row["expected_loss"]]).all()
    assert row["waterfall"] | {"other": 0.0} == {
        "start": 100.0, "usage": -35.0, "support": -25.0, "sentiment": -15.0, "commercial": -20.0,
        "other": 0.0,
    }  # fmt: skip
    # Tickets and NPS cost 40 together, more than usage does.
    assert codes(row) == ["critical_tickets", "usage_decline", "arr_contraction", "low_nps"]
    assert row["reasons"][1]["also"] == ["low_adoption"]


def test_an_nps_of_zero_costs_points_by_the_rules_and_is_said() -> None:
    row = scores({"acme": {"recent_nps": 0.0}}, champion=None).loc["acme"]

    assert row["score_shown"] == 85
    assert row["why"] == "Healthy despite NPS only 0"


def test_the_rules_call_nobody_healthy_of_whom_they_know_nothing() -> None:
    blank = dict.fromkeys(
        [
            "usage_trend_slope",
            "feature_adoption_score",
            "open_critical_tickets",
            "recent_nps",
            "arr_change_12m",
        ],
        np.nan,
    )

    row = scores({"acme": blank}, champion=None).loc["acme"]

    assert row["state"] == "not_scored_yet"
