"""Other losses, other candidates: hazards, forests, brought scores, expected revenue loss."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, make_world, trained

from customer_health.errors import ConfigurationError
from customer_health.model.candidates import external_score
from customer_health.model.candidates.calibration import Calibrated
from customer_health.model.candidates.constrained_logistic import LogisticRegression, sigmoid
from customer_health.model.candidates.expected_loss import ExpectedLoss, measured_shares
from customer_health.model.candidates.hazard import HazardTrees, edges_of, spells_of
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.plain_logistic import PlainLogistic
from customer_health.model.candidates.random_forest import RandomForest
from customer_health.model.candidates.rules_v2 import CAPS, RULES_V2, rules_v2
from customer_health.model.data.features import FeatureSet
from customer_health.model.data.folds import EmbargoError
from customer_health.model.data.labels import eligible, loss_times, outcome_flags, outcome_labels
from customer_health.model.data.training_panel import prepare
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.training import train

TODAY = pd.Timestamp("2026-01-01")


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.DataFrame, FeatureSet, pd.DataFrame]:
    world = make_world(250, 14, seed=5)
    table = prepare(world.panel)
    times = loss_times(world.outcomes, table, as_of=date(2026, 1, 1))
    features = FeatureSet.of(table)
    return table, times, features, features.design(table)


def test_fates_in_days_agree_with_labels_at_every_horizon():
    world = make_world(200, 14, seed=8)
    table = prepare(world.panel)
    times = loss_times(world.outcomes, table, as_of=date(2025, 9, 1))
    for horizon in (30, 90, 180):
        labels = outcome_labels(
            world.outcomes, table, horizon_days=horizon, as_of=date(2025, 9, 1)
        ).to_numpy()
        usable = (
            table["is_customer"].to_numpy() & ~np.isnan(labels) & (times["known_for"] >= horizon).to_numpy()
        )

        assert usable.sum() > 500
        assert np.array_equal(labels[usable] == 1, (times["loss_after"] <= horizon).to_numpy()[usable])


def test_a_hazard_model_uses_no_interval_that_had_not_closed(rows):
    table, times, _, _ = rows
    spells = spells_of(times, table["as_of"], today=TODAY, horizon_days=180, seed=1)
    close = table["as_of"].iloc[spells.row] + pd.to_timedelta(edges_of(180)[spells.interval + 1], unit="D")

    assert close.max() <= TODAY
    with pytest.raises(EmbargoError, match="closes after the training date"):
        spells_of(times, table["as_of"], today=TODAY - pd.Timedelta(days=200), horizon_days=180, seed=1)


def test_hazards_and_forests_explain_themselves_and_survive_their_files(rows):
    table, times, features, design = rows
    spells = spells_of(times, table["as_of"], today=TODAY, horizon_days=90, seed=1)
    y = sigmoid(-4 * design["usage_trend_slope"].to_numpy() - 1) > 0.4
    hazard = HazardTrees(features.features, horizon_days=90, changes={"rounds": 40}).fit_spells(
        design, spells
    )
    forest = RandomForest(features.features, changes={"n_estimators": 20}).fit(design, y, np.ones(len(y)))
    plain = PlainLogistic(features.features).fit(design, y, np.ones(len(y)))
    for candidate in (hazard, forest, plain):
        again = type(candidate).from_files(candidate.to_files())
        seen = design.head(200)

        assert np.array_equal(candidate.predict_logit(seen), again.predict_logit(seen))
        explained = candidate.contributions(seen).sum(axis=1) + candidate.base
        assert np.allclose(explained, candidate.predict_logit(seen), atol=1e-9)


def test_the_forest_is_scikit_learns_and_so_is_the_plain_line(rows):
    from sklearn.linear_model import LogisticRegression as Library

    _, _, features, design = rows
    y = (sigmoid(-4 * design["usage_trend_slope"].fillna(0).to_numpy() - 1) > 0.4).astype(float)
    weight = np.where(y == 1, 1.0, 2.5)
    forest = RandomForest(features.features, seed=3, changes={"n_estimators": 25}).fit(design, y, weight)
    names = [feature.name for feature in features.features]
    assert design[names].isna().to_numpy().any()  # missing values are the library's, too
    grown = forest.classifier(len(design)).fit(design[names].to_numpy(np.float32), y, sample_weight=weight)
    theirs = grown.predict_proba(design[names].to_numpy(np.float32))[:, 1]
    assert np.allclose(sigmoid(forest.predict_logit(design)), np.clip(theirs, 1e-4, 1 - 1e-4), atol=1e-8)

    plain = PlainLogistic(features.features, penalty=10.0).fit(design, y, weight)
    x = np.column_stack(plain._encoded(design)) - plain.means
    line = Library(C=0.1, max_iter=500, tol=1e-6).fit(x, y, sample_weight=weight)
    assert np.allclose(plain.predict_logit(design), line.decision_function(x), atol=1e-5)


def test_a_forest_answers_to_a_known_direction_and_is_capped(rows):
    _, _, features, design = rows
    y = (np.random.default_rng(1).random(len(design)) < 0.2).astype(float)
    known = [feature for feature in features.features if feature.direction]
    forest = RandomForest(features.features, changes={"n_estimators": 15}).fit(design, y, np.ones(len(y)))
    for feature in known[:5]:
        worse = design.assign(**{feature.name: design[feature.name] + feature.direction * 1e3})
        assert (forest.predict_logit(worse) >= forest.predict_logit(design) - 1e-9).all(), feature.name
    large = forest.classifier(40_000)
    assert (large.max_samples, large.max_leaf_nodes) == (8_000, 63)


def test_the_expected_loss_adds_up_the_losses_and_explains_itself(rows):
    _, _, features, design = rows
    y = (design["recent_nps"] < 5).to_numpy(float)
    logo, shrink = NaiveBaseline().fit(design, y, np.ones(len(y))), LogisticRegression(features.features)
    shrink.fit(design, 1 - y, np.ones(len(y)))
    whole = ExpectedLoss(
        {"logo_churn": logo, "contraction": shrink}, {"logo_churn": 1.0, "contraction": 0.25}
    )
    wrapped = Calibrated(whole, shift=-0.1, slope=0.9)
    again = Calibrated.from_files(wrapped.to_files())

    leaves = sigmoid(logo.predict_logit(design))
    share = leaves + (1 - leaves) * 0.25 * sigmoid(shrink.predict_logit(design))
    assert np.allclose(sigmoid(whole.predict_logit(design)), np.clip(share, 0, 1), atol=1e-5)
    assert np.array_equal(wrapped.predict_logit(design), again.predict_logit(design))
    explained = wrapped.contributions(design).sum(axis=1) + wrapped.base
    assert np.allclose(explained, wrapped.predict_logit(design), atol=1e-9)


def test_an_account_that_shrinks_and_leaves_is_reported_once_as_lost():
    table = pd.DataFrame({"account_id": ["a", "b", "c"], "as_of": pd.Timestamp("2025-01-01")})
    outcomes = pd.DataFrame(
        [
            ("a", "contraction_seats", "2025-02-01"),
            ("a", "logo_churn", "2025-03-01"),
            ("b", "downgrade", "2025-02-01"),
        ],
        columns=["account_id", "kind", "occurred_at"],
    )
    outcomes["known_at"] = outcomes["occurred_at"]

    flags = outcome_flags(outcomes, table, horizon_days=90, as_of=date(2025, 9, 1))

    assert list(flags["reported"]) == ["logo_churn", "downgrade", "none"]
    assert list(flags["contraction"]) == [1, 0, 0]


def test_what_a_loss_costs_is_measured_where_enough_losses_tell():
    table = pd.DataFrame(
        {"account_id": [f"a{i}" for i in range(30)], "as_of": pd.Timestamp("2025-01-01"), "arr": 100.0}
    )
    outcomes = table[["account_id"]].assign(kind="downgrade", occurred_at="2025-02-01", arr_lost=40.0)
    heads = {
        "logo_churn": ("logo_churn",),
        "downgrade": ("downgrade",),
        "contraction": ("contraction_seats",),
    }

    shares = measured_shares(outcomes, table, heads, {"logo_churn": 1.0, "contraction": 0.3})

    assert shares == {"logo_churn": 1.0, "downgrade": 0.4, "contraction": 0.3}


def test_heads_of_other_losses_inform_and_the_score_can_mean_expected_revenue_loss():
    world = make_world(SIZE, MONTHS, seed=1)
    random = np.random.default_rng(2)
    shrunk = world.panel[(world.panel["usage_delta_28d"] < -0.1) & (random.random(len(world.panel)) < 0.25)]
    more = pd.DataFrame(
        {
            "account_id": shrunk["account_id"],
            "kind": "contraction_seats",
            "occurred_at": shrunk["as_of"] + pd.Timedelta(days=20),
            "known_at": shrunk["as_of"] + pd.Timedelta(days=20),
            "arr_lost": shrunk["arr"] * 0.2,
        }
    )
    model = CONFIG.model.model_copy(update={"score_of": "expected_arr_loss"})
    config = CONFIG.model_copy(update={"model": model})

    training = train(
        world.panel, pd.concat([world.outcomes, more]), config, as_of=world.as_of, horizons=(180,)
    )

    assert training.champion is not None
    found = training.champion.predict(world.panel[world.panel["is_customer"]].tail(50))
    assert {"p180", "p180_contraction", "risk180", "loss180"} <= set(found)
    assert training.champion.loss_shares["contraction"] == pytest.approx(0.2, abs=0.02)
    assert (found["risk180"] > found["p180"]).all()
    assert training.others["downgrade", 180].why == "only 0 accounts had this loss; it is not predicted"


def test_a_brought_score_takes_part_and_a_stale_one_is_unknown(tmp_path: Path):
    world = make_world(40, 4, seed=3)
    path = tmp_path / "akkio.csv"
    first = world.panel["as_of"].min()
    table = world.panel[world.panel["as_of"] == first][["account_id"]]
    table.assign(as_of=f"{first:%Y-%m-%d}", score=0.5).to_csv(path, index=False)

    attached = external_score.attach(world.panel, external_score.read(path))

    known = attached.groupby("as_of")["brought_score"].count()
    assert list(known > 0) == [True, True, False, False]
    with pytest.raises(ConfigurationError, match="does not exist"):
        external_score.read(tmp_path / "nothing.csv")


def test_a_thorough_training_lets_everybody_compete_and_a_repeated_one_computes_nothing(tmp_path: Path):
    world = make_world(SIZE, MONTHS, seed=1)
    risk = world.panel[["account_id", "as_of"]].assign(score=-world.panel["usage_delta_28d"])
    panel = external_score.attach(world.panel, risk)
    model = CONFIG.model.model_copy(
        update={"effort": "thorough", "loss_types": ("logo_churn",), "min_unique_churners": 20}
    )
    config = CONFIG.model_copy(update={"model": model})

    def once() -> tuple[str, FoldStore, set[str]]:
        store = FoldStore(tmp_path)
        training = train(panel, world.outcomes, config, as_of=world.as_of, horizons=(180,), store=store)
        return training.model_id, store, set(training.evaluation.overall["candidate"])

    first, second = once(), once()

    assert first[2] >= {"random_forest", "plain_logistic", "hazard", "brought", "rules_v2", "blend"}
    assert first[0] == second[0]
    assert first[1].hits < len(first[1].used) / 5, "the decision head asks the rules about rows seen before"
    assert second[1].hits == len(second[1].used) + first[1].hits
    damaged = next(tmp_path.glob("*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert once()[0] == first[0]


def test_the_second_rule_score_can_call_a_silent_customer_critical_and_never_jumps():
    silent = pd.DataFrame(
        {"silent_account": [1.0], "days_since_last_interaction": 200.0, "days_since_exec_activity": 200.0,
         "contacts_known": 1.0, "overdue_days_max": 60.0}
    )  # fmt: skip

    assert rules_v2(silent)["score"].iloc[0] < 30
    assert rules_v2(pd.DataFrame({"recent_nps": [np.nan, 0.0]}))["score"].tolist() == [100, 85]
    for ramp in RULES_V2:
        values = np.linspace(min(ramp.begins, ramp.full) - 1, max(ramp.begins, ramp.full) + 1, 2001)
        score = rules_v2(pd.DataFrame({ramp.signal: values, "days_to_renewal": 30.0}))["score"]
        steepest = ramp.points / abs(ramp.full - ramp.begins) * (values[1] - values[0])
        assert score.diff().abs().max() <= 2 * steepest + 1e-9
        assert score.min() >= 100 - CAPS[ramp.category]


def test_every_row_of_a_fold_is_eligible():
    assert eligible(make_world(5, 1, seed=1).panel, CONFIG.model).dtype == bool
    assert trained().others["contraction", 180].churners == 0
