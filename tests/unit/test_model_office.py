"""Which model is in use: promotion, approval, rollback, fallbacks; and how the published fares."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, champion_of_all_kinds, make_world, trained

from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger import model_registry as registry
from customer_health.ledger.engine import open_ledger
from customer_health.model.monitoring import drift, scoreboard
from customer_health.model.registry import artefact, current_model, promotion, trial_load
from customer_health.model.registry.artefact import DamagedArtefactError
from customer_health.model.reports.scoreboard_page import write
from customer_health.model.training import train

LENIENT = CONFIG.model.model_copy(update={"max_tier_churn": 1.0})
NOW = datetime(2026, 1, 1, 6, tzinfo=UTC)


def record(model_id: str, folder: str = "", decision: str = "model", sha256: dict | None = None, **more):
    values = {"why": "it won", "trained_as_of": date(2026, 1, 1), **more}
    return registry.ChampionRecord(model_id, folder, sha256 or {}, decision, **values)


@pytest.fixture
def ledger():
    return open_ledger("sqlite://")


def test_a_rollback_returns_to_the_model_before_and_says_who_and_why(ledger):
    for name in ("m1", "m2"):
        registry.promote(ledger, record(name), at=NOW)

    registry.rollback(ledger, by="ada", reason="m2 cries wolf", at=NOW)

    now = registry.current(ledger)
    assert (now.model_id, "ada" in now.why, "m2 cries wolf" in now.why) == ("m1", True, True)
    with pytest.raises(ConfigurationError, match="no earlier model 'm9'"):
        registry.rollback(ledger, by="ada", reason="typo", at=NOW, to="m9")


def test_a_model_that_needs_approval_scores_nothing_until_a_person_approves(ledger, tmp_path: Path):
    training = trained()
    model = CONFIG.model.model_copy(update={"approval": "required"})
    panel = make_world(SIZE, MONTHS, seed=1).panel
    verdict = promotion.judge(training, None, panel, CONFIG.model_copy(update={"model": model}))

    current_model.register(ledger, training, tmp_path, verdict)

    assert verdict.action == "ask"
    assert registry.current(ledger).decision == "rules"
    assert registry.pending(ledger).model_id == training.model_id
    registry.resolve(ledger, training.model_id, approve=True, by="grace", at=NOW)
    assert registry.current(ledger).model_id == training.model_id
    assert registry.pending(ledger) is None
    with pytest.raises(ConfigurationError, match="does not wait"):
        registry.resolve(ledger, training.model_id, approve=True, by="grace", at=NOW)


def test_a_rejected_model_is_not_proposed_again(ledger):
    registry.propose(ledger, record("m1"), state="pending", reason="asks")
    registry.resolve(ledger, "m1", approve=False, by="grace", at=NOW)
    registry.propose(ledger, record("m1"), state="pending", reason="asks")

    assert registry.pending(ledger) is None
    assert registry.last_training(ledger) == date(2026, 1, 1)


def test_the_same_recipe_again_takes_over_and_a_model_that_repaints_the_portfolio_is_held():
    training, panel = trained(), make_world(SIZE, MONTHS, seed=1).panel
    champion = training.champion
    assert champion is not None
    strange = replace(champion, health_anchors={"p_red": 0.9, "p_green": 0.8})

    assert promotion.judge(training, champion, panel, CONFIG).action == "promote"
    held = promotion.judge(training, strange, panel, CONFIG)
    assert held.action == "hold"
    assert "would change colour because of the model alone" in held.reasons[0]


def test_two_trainings_in_a_row_that_agree_outvote_a_champion_that_has_fallen_behind():
    """Held for seven months, with 11 %, 14 %, 17 % of the colours changed, further behind each time."""
    training, panel = trained(), make_world(SIZE, MONTHS, seed=1).panel
    champion = training.champion
    assert champion is not None
    behind = replace(champion, health_anchors={"p_red": 0.9, "p_green": 0.8})

    agreed = promotion.judge(training, behind, panel, CONFIG, champion)
    assert agreed.action == "promote"
    assert "two trainings in a row agree (0% between them)" in " ".join(agreed.reasons)
    opposite = replace(champion, health_anchors={"p_red": 0.0002, "p_green": 0.0001})
    assert promotion.judge(training, behind, panel, CONFIG, opposite).action == "hold"


def test_only_the_training_since_the_champion_and_before_today_counts_as_held(ledger, tmp_path: Path):
    champion = champion_of_all_kinds()
    digests = artefact.save(champion, tmp_path)
    kept = {"folder": str(tmp_path), "sha256": digests}
    registry.promote(ledger, record("m1", trained_as_of=date(2026, 1, 1)))
    registry.propose(ledger, record("m0", trained_as_of=date(2025, 12, 1), **kept), state="held", reason="x")
    assert current_model.held_before(ledger, date(2026, 3, 1)) is None
    registry.propose(ledger, record("m2", trained_as_of=date(2026, 2, 1), **kept), state="held", reason="x")
    assert current_model.held_before(ledger, date(2026, 2, 1)) is None, "itself, trained again"
    found = current_model.held_before(ledger, date(2026, 3, 1))
    assert found is not None
    assert found.model_id == champion.model_id
    (tmp_path / "champion.json").write_text("{}")
    assert current_model.held_before(ledger, date(2026, 3, 1)) is None


def test_a_champion_of_an_older_catalogue_is_compared_on_the_same_rows_and_one_of_a_newer_is_not():
    """The catalogue gained a signal since, or lost one: then the champion could not read its rows."""
    world = make_world(SIZE, MONTHS, seed=1)
    fewer = world.panel.drop(columns=["usage_delta_28d"])
    found = train(fewer, world.outcomes, CONFIG, as_of=world.as_of, horizons=(180,)).champion
    assert found is not None
    older = replace(found, trained_as_of=date(2024, 12, 1))  # so that there are test days since

    verdict = promotion.judge(trained(), older, world.panel, CONFIG.model_copy(update={"model": LENIENT}))

    assert np.isfinite(verdict.tier_churn)
    assert "It also reads usage_delta_28d." in verdict.reasons
    assert current_model.comparable(older, world.panel) == (older, ())
    rival, why = current_model.comparable(trained().champion, fewer)
    assert rival is None
    assert "reads usage_delta_28d, which is no longer built" in why[0]


def test_a_training_without_a_model_leaves_the_champion_in_office():
    poor, champion = trained(strength=0.0), trained().champion
    verdict = promotion.judge(poor, champion, make_world(SIZE, MONTHS, seed=1).panel, CONFIG)

    assert verdict.action == "hold"
    assert "stays: this training found no model" in verdict.reasons[0]


def test_a_damaged_champion_gives_way_to_the_one_before_and_then_to_the_rules(tmp_path: Path):
    champion = champion_of_all_kinds()
    good, bad = tmp_path / "good", tmp_path / "bad"
    digests = artefact.save(champion, good)
    artefact.save(champion, bad)
    (bad / "champion.json").write_text("{}")
    older, newer = record("older", str(good), sha256=digests), record("newer", str(bad), sha256=digests)

    found, told = current_model.load_with_fallback(newer, [older])
    none, last = current_model.load_with_fallback(newer, [])

    assert found is not None
    assert "newer is not usable" in told
    assert "champion before it" in told
    assert none is None
    assert "rule score is used instead" in last


def test_a_model_that_kills_its_reader_is_refused_by_the_trial(tmp_path: Path, monkeypatch):
    digests = artefact.save(champion_of_all_kinds(), tmp_path)
    monkeypatch.setattr(trial_load.sys, "executable", "/bin/false")

    with pytest.raises(DamagedArtefactError, match="ended with code 1"):
        trial_load.load_safely(tmp_path, digests)


def test_a_machine_too_busy_to_load_a_model_is_asked_again_and_nobody_falls_back(tmp_path: Path, monkeypatch):
    sha256 = artefact.save(champion_of_all_kinds(), tmp_path)
    monkeypatch.setattr(trial_load, "SECONDS", 0.01)

    with pytest.raises(RetriableError, match="took more than"):
        current_model.load_with_fallback(record("m1", str(tmp_path), sha256=sha256))


def test_drift_thresholds_grow_as_rows_get_few():
    random = np.random.default_rng(1)
    small, large = (drift.stability(*random.normal(size=(2, n))) for n in (100, 8000))

    assert small < drift.threshold(100, 100)[0]
    assert large < drift.threshold(8000, 8000)[0]
    assert drift.threshold(100, 100)[0] > 10 * drift.threshold(8000, 8000)[0]


def test_a_signal_that_moved_and_one_that_went_silent_are_told_apart():
    random = np.random.default_rng(1)
    then = pd.DataFrame(random.normal(size=(3000, 3)), columns=["moved", "silent", "same"])
    now = pd.DataFrame(random.normal(size=(3000, 3)), columns=["moved", "silent", "same"]).assign(
        silent=np.nan
    )
    now["moved"] += 1

    table = drift.of_signals(then, now, list(then)).set_index("signal")

    assert table["level"].to_dict() == {"moved": "page", "silent": "page", "same": "fine"}
    assert "source has probably stopped" in table.at["silent", "why"]
    assert drift.of_calibration(10, 22)[2] == "too low"
    assert drift.of_calibration(30, 12)[2] == "too high"
    assert drift.of_calibration(10, 12)[2] == "fine"


def test_every_matured_prediction_is_graded_and_the_missed_are_shown_with_their_reasons(tmp_path: Path):
    """Ten accounts, two lost: one was Red, the other Green; a third loss came too late to count."""
    names = [f"a{i}" for i in range(10)]
    published = pd.DataFrame(
        {
            "account_id": names,
            "as_of": date(2025, 1, 1),
            "score": [10.0, *range(60, 69)],
            "score_shown": [10, *range(60, 69)],
            "band": ["Red", *["Green"] * 9],
            "tier": "x",
            "p180": 0.1,
            "arr": 100.0,
            "state": "scored",
            "mode": "model",
            "why": "all is well",
            "reasons": [[{"code": "low_nps", "phrase": "NPS 3"}]] * 10,
        }
    )
    young = published.assign(as_of=date(2025, 12, 1))
    days = pd.to_datetime(["2025-03-01", "2025-04-01", "2025-11-01"])
    outcomes = pd.DataFrame(
        {"account_id": ["a0", "a9", "a5"], "kind": "logo_churn", "occurred_at": days, "known_at": days}
    )

    board = scoreboard.grade(
        pd.concat([published, young]), outcomes, as_of=date(2026, 1, 1), horizon_days=180
    )

    told = board.summary()
    assert told["graded_days"] == 1
    assert told["recall_red"] == told["recall_at_capacity"] == 0.5
    assert told["precision_red"] == 1.0
    assert told["median_lead_days"] == 59
    assert list(board.missed["account_id"]) == ["a9"]
    page = write(current_model.Watch(board, pd.DataFrame({"level": []}), ()), tmp_path, date(2026, 1, 1))
    assert "| a9 | 2025-01-01 | 68 | all is well | NPS 3 | none |" in page.read_text()
