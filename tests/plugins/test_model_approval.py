"""A real training that waits for a person in Airflow's form: what is asked, and what yes and no do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from customer_health.ledger import model_registry
from customer_health.ledger.engine import open_ledger
from customer_health.model.registry import current_model
from customer_health.model.registry.promotion import Verdict
from customer_health.settings import Settings
from customer_health_airflow import approvals
from tests.lib.model_worlds import trained

NOW = datetime(2026, 1, 2, 6, tzinfo=UTC)
ASKS = Verdict("ask", ("It passed every gate and waits for approval.",))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, warehouse_url="duckdb://", ledger_url=f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def ledger(settings: Settings) -> Engine:
    engine = open_ledger(settings.ledger_url)
    current_model.register(engine, trained(), settings.models / trained().model_id, ASKS)
    return engine


def test_the_form_says_in_a_screenful_how_the_model_was_tested_and_what_it_warns_of(
    settings: Settings, ledger: Engine
) -> None:
    asked = approvals.question(settings, "model", trained().model_id)

    assert asked is not None
    found = trained().summary()["horizons"]["180"]
    assert (
        f"180 days ahead: AUC {found['auc']:.3f}, renewal date + NPS {found['auc_baseline']:.3f}"
        in asked.body
    )
    assert "It passed every gate and waits for approval." in asked.body
    assert "lost accounts taught it" in asked.body
    assert len(asked.body.splitlines()) < 40
    assert "by_fold" not in asked.body


def test_yes_makes_it_champion_and_the_rules_had_scored_meanwhile(settings: Settings, ledger: Engine) -> None:
    meanwhile = model_registry.current(ledger)
    assert meanwhile is not None
    assert meanwhile.decision == "rules"

    said = approvals.settle(
        settings, "model", trained().model_id, approve=True, by="dana", reason="looked at it", now=NOW
    )

    present = model_registry.current(ledger)
    assert present is not None
    assert (present.model_id, "Approved by dana" in present.why) == (trained().model_id, True)
    assert said == f"{trained().model_id} was approved by dana."
    assert approvals.waiting(settings) == []


def test_yes_to_a_model_whose_files_were_changed_changes_nothing_and_says_so(
    settings: Settings, ledger: Engine
) -> None:
    path = settings.models / trained().model_id / "champion.json"
    path.write_text(path.read_text() + " ")

    said = approvals.settle(
        settings, "model", trained().model_id, approve=True, by="dana", reason="looked at it", now=NOW
    )

    assert "Nothing was changed" in said
    assert "not the one that was registered" in said
    assert approvals.waiting(settings) == [{"kind": "model", "id": trained().model_id}]


def test_no_leaves_the_champion_in_office_and_is_not_asked_again(settings: Settings, ledger: Engine) -> None:
    approvals.settle(
        settings, "model", trained().model_id, approve=False, by="dana", reason="not yet", now=NOW
    )
    current_model.register(ledger, trained(), settings.models / trained().model_id, ASKS)

    assert approvals.waiting(settings) == []
    assert approvals.question(settings, "model", trained().model_id) is None
