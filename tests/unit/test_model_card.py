"""The card answers three questions: what does the model know, since when, and when not to believe it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, make_world, trained

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.model.data.decision_window import DECISION, SHORTEST
from customer_health.model.data.labels import outcome_labels
from customer_health.model.evaluation import leak_detector, training_gates
from customer_health.model.evaluation.training_gates import LeakageError
from customer_health.model.reports import model_card
from customer_health.model.training import train


def told(training: object, folder: Path) -> str:
    return model_card.write(training, folder).read_text(encoding="utf-8")  # type: ignore[arg-type]


def distrusting(*names: str) -> CompanyConfig:
    return CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"distrusted_signals": names})})


def test_it_says_of_which_months_the_outcome_was_known(tmp_path: Path) -> None:
    """July 2025 to January 2026 are too young to teach anything 180 days ahead."""
    text = told(trained(), tmp_path)
    assert "account-months of August 2024 to July 2025" in text.partition("## 180 days ahead")[2]


def test_it_says_since_when_each_source_tells_anything_and_which_never_did(tmp_path: Path) -> None:
    world = make_world(20, 12, seed=2)
    young = world.panel["as_of"] < pd.Timestamp("2025-06-01")
    panel = world.panel.assign(recent_nps=world.panel["recent_nps"].where(~young), csat_180d=np.nan)
    found = {row["table"]: row for row in train(panel, world.outcomes, CONFIG, as_of=world.as_of).sources}
    assert found["surveys"]["since"] == "2025-06-01"
    assert found["surveys"]["unknown"] == ["csat_180d"]
    text = told(train(panel, world.outcomes, CONFIG, as_of=world.as_of), tmp_path)
    assert "| surveys | June 2025 |" in text


def test_it_counts_how_many_of_the_riskiest_really_left(tmp_path: Path) -> None:
    training = trained()
    table = training.evaluation.of("predictions", 180)
    kind = str(training.heads[180].kind)
    worst = pd.concat(own.nlargest(round(0.1 * len(own)), kind) for _, own in table.groupby("train_date"))[
        "y"
    ].mean()
    text = told(training, tmp_path)
    said = next(line for line in text.splitlines() if line.startswith("- 180 days ahead") and "tenth" in line)
    assert abs(float(said.partition("ahead, ")[2].partition("%")[0]) / 100 - worst) < 0.03


def test_it_tells_the_decision_model_by_distance_and_counts_every_test_row_once(
    tmp_path: Path,
) -> None:
    training = trained()
    table = training.evaluation.of("predictions", SHORTEST, DECISION)
    lines = told(training, tmp_path).partition("## At the next decision, by distance")[2].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[:12] if line.startswith("| ")]
    (whole, *bands) = cells[1:]
    assert whole[:3] == ["all", f"{len(table):,}", f"{int(table['y'].sum()):,}"]
    assert sum(int(band[1].replace(",", "")) for band in bands) == len(table)
    assert sum(int(band[2].replace(",", "")) for band in bands) == int(table["y"].sum())


def test_losses_that_are_logged_late_are_a_reason_for_doubt(tmp_path: Path) -> None:
    world = make_world(60, 24, seed=2)
    late = world.outcomes.assign(known_at=world.outcomes["occurred_at"] + pd.Timedelta(days=45))
    training = train(world.panel, late, CompanyConfig(), as_of=world.as_of)
    assert training.logged_late == 45
    assert "only after 45 days have nine of ten been told" in told(training, tmp_path)
    assert "logged late" not in told(replace(training, logged_late=0.0), tmp_path)


def test_a_card_of_the_rules_claims_nothing_that_only_a_model_could(tmp_path: Path) -> None:
    world = make_world(15, 24, seed=2)
    text = told(train(world.panel, world.outcomes, CompanyConfig(), as_of=world.as_of), tmp_path)
    assert "Nobody has measured how well the rules rank" in text
    for boast in (
        "Learned from",
        "One look back",
        "the model was trained only on",
        "It learned from customers",
    ):
        assert boast not in text


def test_a_field_of_the_crm_that_nobody_maps_is_not_accused() -> None:
    fates = leak_detector.Outcomes(np.full(100, np.inf), np.full(100, 400.0), np.arange(100))
    rows = pd.DataFrame({"account_id": [f"a{n}" for n in range(100)]})
    snapshot = rows.assign(seats_now=5.0, weeks_since_crm_update=np.nan)
    assert [finding.column for finding in leak_detector.without_past(snapshot, rows, fates)] == ["seats_now"]


def test_an_export_that_shows_todays_auto_renewal_is_named() -> None:
    """The flag of a contact who left was switched off when they left; the export has no history of it."""
    world = make_world(SIZE, MONTHS, seed=1)
    lost = outcome_labels(world.outcomes, world.panel, horizon_days=180, as_of=world.as_of) == 1
    leaky = world.panel.assign(auto_renew_share=np.where(lost, 0.0, 1.0))
    with pytest.raises(LeakageError, match=r"'auto_renew_share'.*\n.*distrusted_signals"):
        train(leaky, world.outcomes, CONFIG, as_of=world.as_of, horizons=(180,))


def test_a_distrusted_signal_is_left_out_and_training_goes_on() -> None:
    world = make_world(SIZE, MONTHS, seed=1)
    lost = outcome_labels(world.outcomes, world.panel, horizon_days=180, as_of=world.as_of) == 1
    leaky = world.panel.assign(contacts_known=np.where(lost, 0.0, world.panel["contacts_known"] + 1))
    training = train(
        leaky, world.outcomes, distrusting("contacts_known", "seats"), as_of=world.as_of, horizons=(180,)
    )
    assert training.champion is not None
    assert not {"contacts_known", "seats"} & set(training.champion.features.sources)


@pytest.mark.parametrize("key", ["trusted_signals", "distrusted_signals"])
def test_a_signal_that_is_not_one_is_refused_with_the_one_meant(key: str) -> None:
    world = make_world(20, 12, seed=2)
    model = CONFIG.model.model_copy(update={key: ("contacts_knwon",)})
    with pytest.raises(ConfigurationError, match=rf"model.{key} names 'contacts_knwon'.*\n.*contacts_known"):
        train(world.panel, world.outcomes, CONFIG.model_copy(update={"model": model}), as_of=world.as_of)


def test_a_person_who_checked_the_suspects_lets_a_nearly_perfect_model_train() -> None:
    """A small company whose losses all announce themselves: the gate asks once, and can be answered."""
    alone = pd.Series({"tickets_90d": 0.94, "stickiness_28d": 0.9, "recent_nps": 0.8, "open_tickets": 0.7})
    with pytest.raises(LeakageError, match="trusted_signals"):
        training_gates.forbid_perfect_model("blend", 0.97, 0.96, alone, 90, ["tickets_90d", "stickiness_28d"])
    training_gates.forbid_perfect_model("blend", 0.97, 0.96, alone, 90, [*alone.index[:3]])


def test_a_distrusted_signal_that_does_not_exist_is_refused_with_a_suggestion() -> None:
    world = make_world(20, 2, seed=2)
    with pytest.raises(ConfigurationError, match=r"contacts_know.*\n.*contacts_known"):
        train(world.panel, world.outcomes, distrusting("contacts_know"), as_of=world.as_of)
