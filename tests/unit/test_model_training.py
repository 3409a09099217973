"""Training end to end on made-up companies: a model where there is something to learn, rules elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, make_world, trained

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.errors import ConfigurationError, DataContractError
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.folds import walk_forward
from customer_health.model.data.labels import outcome_labels
from customer_health.model.data.training_data import TrainingData
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation import training_gates
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.evaluation.fold_work import tuned
from customer_health.model.evaluation.training_gates import LeakageError
from customer_health.model.evaluation.walk_forward import countable
from customer_health.model.reports import limitations, model_card
from customer_health.model.training import train


def test_a_model_that_beats_both_baselines_becomes_champion():
    training = trained()
    horizon = training.summary()["horizons"]["180"]

    assert training.decision == "model"
    assert "renewal date + NPS" in training.why
    assert horizon["auc"] > horizon["auc_baseline"] + 0.03
    assert horizon["auc"] > horizon["auc_rules"]
    assert horizon["cal_auc"] > 0.6


def test_where_health_predicts_nothing_the_rules_stay_and_the_reason_is_told():
    """This company's losses hang on the renewal date alone, which the baseline knows as well."""
    training = trained(strength=0.0)

    assert training.decision == "rules"
    assert training.champion is None
    assert training.why.startswith("The model does not beat renewal date + NPS on this data: ")
    assert training.score_choice.winner is not None
    assert training.score_choice.winner.kind in ("rules", "rules_v2")
    assert np.isfinite(training.summary()["horizons"]["180"]["auc"])


def test_a_company_with_few_losses_is_scored_by_what_the_documents_say_corrected_by_them():
    """There is no cliff at some number of losses, and it still hears how many a test needs."""
    world = make_world(60, 24, seed=2)
    training = train(world.panel, world.outcomes, CompanyConfig(), as_of=world.as_of)

    assert training.decision == "model"
    assert training.champion is not None
    assert training.champion.health is not None
    assert training.champion.health.kind in ("logistic", "decision"), "both start from the documents"
    assert "60 are needed" in training.why


def test_with_few_losses_the_line_of_the_documents_says_how_soon_somebody_leaves_not_the_date_alone():
    """Below the gates the probabilities, too, come from what ranks better than renewal date + NPS."""
    world = make_world(60, 24, seed=2)
    training = train(world.panel, world.outcomes, CompanyConfig(), as_of=world.as_of)

    assert {horizon: report.kind for horizon, report in training.heads.items()} == {90: None, 180: None}
    assert training.champion is not None
    assert [training.champion.kind_of(horizon) for horizon in (90, 180)] == [LogisticRegression.kind] * 2
    assert training.summary()["horizons"]["90"]["served"] == LogisticRegression.kind
    assert any("has not been proved to" in limit for limit in limitations.limits(training))


def test_a_company_that_lost_next_to_nobody_gets_the_rules():
    world = make_world(15, 24, seed=2)
    training = train(world.panel, world.outcomes, CompanyConfig(), as_of=world.as_of)

    assert training.decision == "rules"
    assert "60 are needed" in training.why


def test_a_company_with_a_short_history_hears_why_nothing_could_be_tested():
    world = make_world(SIZE, 7, seed=2)
    training = train(world.panel, world.outcomes, CONFIG, as_of=world.as_of)

    assert "months of history leave 0 complete test periods" in training.why
    assert "Nothing could be compared yet" in training.why


def test_a_company_without_a_single_eligible_account_gets_the_rules():
    world = make_world(20, 20, seed=2)
    training = train(world.panel.assign(is_customer=False), world.outcomes.head(0), CONFIG, as_of=world.as_of)

    assert training.decision == "rules"
    assert "0 months of history" in training.why


def test_a_company_that_never_lost_anybody_gets_the_rules():
    world = make_world(20, 20, seed=2)
    training = train(world.panel, world.outcomes.head(0), CONFIG, as_of=world.as_of)

    assert training.decision == "rules"
    assert "only 0 accounts were lost" in training.why


def test_a_signal_that_was_filled_in_after_the_loss_stops_the_training_and_is_named():
    world = make_world(SIZE, MONTHS, seed=1)
    lost = outcome_labels(world.outcomes, world.panel, horizon_days=180, as_of=world.as_of) == 1
    leaky = world.panel.assign(contacts_known=np.where(lost, 0.0, world.panel["contacts_known"] + 1))

    with pytest.raises(LeakageError, match=r"'contacts_known'.*AUC 1\.000"):
        train(leaky, world.outcomes, CONFIG, as_of=world.as_of, horizons=(180,))


def test_a_signal_whose_gaps_betray_the_loss_is_named_as_well():
    world = make_world(SIZE, MONTHS, seed=1)
    lost = outcome_labels(world.outcomes, world.panel, horizon_days=180, as_of=world.as_of) == 1
    leaky = world.panel.assign(contacts_known=world.panel["contacts_known"].where(~lost))

    with pytest.raises(LeakageError, match="'contacts_known'"):
        train(leaky, world.outcomes, CONFIG, as_of=world.as_of)


def test_a_model_too_good_to_be_true_stops_the_training_unless_the_calendar_explains_it():
    suspects = pd.Series({"contacts_known": 0.9})

    with pytest.raises(LeakageError, match="contacts_known"):
        training_gates.forbid_perfect_model("blend", 0.97, 0.96, suspects, 90)
    training_gates.forbid_perfect_model("blend", 0.97, 0.75, suspects, 90)


@pytest.mark.parametrize("name", ["cancellation_requested", "churn_flag", "NoticeDate"])
def test_a_signal_named_after_the_outcome_is_refused(name: str):
    with pytest.raises(LeakageError, match=name):
        training_gates.forbid_outcome_names(["recent_nps", name])


def test_nothing_that_happens_after_the_training_date_can_change_the_model():
    """Later outcomes, later log entries and later panel rows are invisible."""
    world = make_world(SIZE, MONTHS, seed=1)
    later = pd.DataFrame(
        {
            "account_id": world.panel["account_id"].unique(),
            "kind": "logo_churn",
            "occurred_at": pd.Timestamp("2025-06-15"),
            "known_at": pd.Timestamp("2026-01-01"),
        }
    )
    future = world.panel[world.panel["as_of"] == world.panel["as_of"].max()].assign(
        as_of=pd.Timestamp("2026-02-01"), is_customer=False
    )

    training = train(
        pd.concat([world.panel, future]),
        pd.concat([world.outcomes, later]),
        CONFIG,
        as_of=world.as_of,
    )

    assert training.model_id == trained().model_id


def test_the_same_data_in_another_order_give_the_same_model():
    world = make_world(SIZE, MONTHS, seed=1)
    training = train(
        world.panel.sample(frac=1, random_state=3),
        world.outcomes.sample(frac=1, random_state=3),
        CONFIG,
        as_of=world.as_of,
    )

    assert training.model_id == trained().model_id
    assert training.summary() == trained().summary()


def test_predictions_of_a_longer_horizon_are_never_below_those_of_a_shorter_one():
    champion = trained().champion
    assert champion is not None
    rows = make_world(SIZE, 1, seed=9).panel
    found = champion.predict(rows)

    assert list(found) == ["account_id", "as_of", "p90", "p180", "p_decision"]
    assert found.index.equals(rows.index)
    assert (found["p90"] <= found["p180"]).all()
    assert (found["p180"] <= found["p_decision"]).all()
    near = rows["days_to_renewal"] <= 150
    assert found.loc[near, "p180"].equals(found.loc[near, "p_decision"].rename("p180"))
    assert found[["p90", "p180", "p_decision"]].gt(0).all(axis=None)


def test_the_anchors_hold_the_shares_that_were_asked_for():
    champion = trained().champion
    assert champion is not None
    panel = make_world(SIZE, MONTHS, seed=1).panel
    latest = panel[
        (panel["as_of"] == panel["as_of"].max()) & panel["is_customer"] & (panel["tenure_days"] >= 56)
    ]
    p = champion.predict(latest)["p180"]

    assert (p > champion.anchors[180]["p_red"]).mean() == pytest.approx(0.08, abs=0.01)
    assert (p < champion.anchors[180]["p_green"]).mean() == pytest.approx(0.70, abs=0.01)
    health = 1 / (1 + np.exp(-champion.health_logit(latest)))
    assert (health > champion.health_anchors["p_red"]).mean() == pytest.approx(0.08, abs=0.01)
    assert (health < champion.health_anchors["p_green"]).mean() == pytest.approx(0.70, abs=0.01)


def test_a_date_moves_no_score():
    champion = trained().champion
    assert champion is not None
    rows = make_world(SIZE, 1, seed=9).panel.assign(tenure_days=400)
    rows = rows[rows["days_to_renewal"] > 120]
    later = rows.assign(days_to_renewal=rows["days_to_renewal"] - 110, tenure_days=510)

    assert (champion.predict(rows)["p180"] - champion.predict(later)["p180"]).abs().max() > 0.01
    assert np.allclose(champion.health_logit(rows), champion.health_logit(later))


def test_nobody_is_scored_by_what_was_measured_worse_than_something_else_at_hand():
    for strength in (1.0, 0.0):
        choice = trained(strength).score_choice
        assert choice.winner is not None
        assert choice.lost >= 20
        assert choice.winner.auc >= max(rival.auc for rival in choice.rivals) - 0.005


def test_rows_whose_own_decision_was_still_open_are_neither_learned_from_nor_tested_on():
    rows = trained().evaluation.of("predictions", 180, "decision")
    window = np.maximum(np.clip(rows["days_to_renewal"], 0, 365) + 30, 180)

    assert len(rows)
    assert (rows["train_date"] + pd.to_timedelta(window, unit="D") <= pd.Timestamp(trained().as_of)).all()


def test_the_test_rows_of_each_fold_are_those_of_its_day_with_complete_labels():
    rows = trained().evaluation.predictions

    assert rows["y"].isin([0.0, 1.0]).all()
    assert not rows.duplicated(["head", "horizon", "train_date", "account_id"]).any()
    close = rows["train_date"] + pd.to_timedelta(rows["horizon"], unit="D")
    assert (close <= pd.Timestamp(trained().as_of)).all()


def test_the_summary_is_plain_json():
    assert json.loads(json.dumps(trained().summary(), allow_nan=False))["decision"] == "model"
    assert json.loads(json.dumps(trained(strength=0.0).summary(), allow_nan=False))["decision"] == "rules"


def test_progress_counts_every_fit_up_to_the_end():
    seen: list[tuple[int, int, str]] = []
    world = make_world(SIZE, MONTHS, seed=1)
    train(
        world.panel,
        world.outcomes,
        CONFIG,
        as_of=world.as_of,
        horizons=(180,),
        progress=lambda *step: seen.append(step),
    )

    assert [done for done, _, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][0] == seen[-1][1]


def test_a_primary_horizon_that_is_not_trained_is_refused():
    world = make_world(20, 2, seed=2)
    with pytest.raises(ConfigurationError, match="primary_horizon is 180"):
        train(world.panel, world.outcomes, CompanyConfig(), as_of=world.as_of, horizons=(90,))


def test_a_panel_with_a_row_twice_is_refused():
    world = make_world(20, 2, seed=2)
    with pytest.raises(DataContractError, match="rows twice"):
        train(pd.concat([world.panel, world.panel.tail(1)]), world.outcomes, CONFIG, as_of=date(2026, 1, 1))


def test_the_card_says_what_was_decided_and_when_not_to_believe_it(tmp_path: Path):
    path = model_card.write(trained(), tmp_path)
    text = path.read_text(encoding="utf-8")

    assert trained().why in text
    assert "When not to believe it" in text
    assert "lost accounts taught it" in text
    assert "## What each fact has cost" in text
    pictures = {line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")}
    assert pictures == {
        "track_records.png",
        *(f"{kind}_{days}.png" for kind in ("calibration", "lift", "walk_forward") for days in (90, 180)),
    }
    assert all((tmp_path / name).stat().st_size > 0 for name in pictures)
    assert "revenue grew or shrank" not in text  # in this world nobody's revenue ever moves


def test_the_card_says_when_revenue_helped_to_weigh_the_signals(tmp_path: Path):
    heads = {horizon: replace(report, moved=900) for horizon, report in trained().heads.items()}

    text = model_card.write(replace(trained(), heads=heads), tmp_path).read_text(encoding="utf-8")

    assert "also learned from 900 account-months after which revenue grew or shrank" in text


def test_a_training_that_ends_with_the_rules_gets_a_card_as_well(tmp_path: Path):
    world = make_world(20, 2, seed=2)
    training = train(world.panel, world.outcomes, CONFIG, as_of=world.as_of)

    assert "rule score stays in charge" in model_card.write(training, tmp_path).read_text(encoding="utf-8")


def test_a_company_that_lost_nobody_in_its_first_year_can_still_be_tuned_for() -> None:
    """Settings are chosen inside the oldest part of the window, and there is nothing to choose them by."""
    world = make_world(600, 24, seed=3)
    first, day = world.panel["as_of"].min(), pd.to_datetime(world.outcomes["occurred_at"])
    spared = day >= first + pd.Timedelta(days=300)
    there = ~world.panel["account_id"].isin(world.outcomes.loc[~spared, "account_id"])
    model = ModelConfig(effort="thorough")
    data = TrainingData.of(
        world.panel[there], world.outcomes[spared], CompanyConfig(model=model), as_of=world.as_of
    )
    head, today = data.head(90), pd.Timestamp(world.as_of)
    folds = walk_forward(dates_of(head.rows), horizon_days=90, as_of=today)
    young = countable(head, folds, as_of=today)[0]
    chosen = tuned(head, young.train_dates, young.train_date, data.features.features, model, FoldStore())
    assert chosen == {}
