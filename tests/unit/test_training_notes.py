"""Two bad months in a row are noticed, whatever made them bad; one is not, and a good one ends the count."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from customer_health.ledger import training_runs
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.ledger.training_runs import TrainingNote, bad_months
from customer_health.pipeline.model_watch import tell_of_trainings
from customer_health.settings import Settings

DECEMBER = date(2025, 12, 1)
MORNING = datetime(2025, 12, 1, 6, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, warehouse_url="duckdb://", ledger_url=f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def ledger(settings: Settings) -> Engine:
    return open_ledger(settings.ledger_url)


def story(ledger: Engine, *months: tuple[str, str]) -> None:
    for day, outcome in months:
        training_runs.note(ledger, TrainingNote(date.fromisoformat(day), outcome, f"it was {outcome}"))


@pytest.mark.parametrize(
    ("months", "bad"),
    [
        ([("2025-11-01", "held"), ("2025-12-01", "failed")], 2),
        ([("2025-11-01", "started"), ("2025-12-01", "held")], 2),  # killed in November
        ([("2025-11-03", "failed"), ("2025-11-01", "promoted"), ("2025-12-01", "held")], 1),
        ([("2025-10-01", "held"), ("2025-11-01", "promoted"), ("2025-12-01", "held")], 1),
        ([("2025-11-01", "held"), ("2025-12-01", "pending")], 0),  # a person was asked
        ([("2025-11-01", "rules"), ("2025-12-01", "rules")], 0),  # the rules are right: no failure
        ([("2025-09-01", "held"), ("2025-12-01", "held")], 2),  # no run in between is not a good month
        ([("2025-12-01", "held"), ("2025-12-08", "failed")], 1),
    ],
)
def test_only_months_without_any_good_training_count(
    ledger: Engine, months: list[tuple[str, str]], bad: int
) -> None:
    story(ledger, *months)

    assert len(bad_months(ledger, as_of=date(2025, 12, 31))) == bad


def test_a_later_month_does_not_change_what_an_earlier_day_knew(ledger: Engine) -> None:
    story(ledger, ("2025-10-01", "held"), ("2025-11-01", "held"), ("2025-12-01", "promoted"))

    assert len(bad_months(ledger, as_of=date(2025, 11, 30))) == 2
    assert bad_months(ledger, as_of=DECEMBER) == []


def notices(ledger: Engine) -> list[str]:
    return [row["payload"]["title"] for row in admin.find(ledger) if row["playbook"] == "data_notice"]


def test_the_data_team_is_told_once_a_month_through_the_outbox(settings: Settings, ledger: Engine) -> None:
    story(ledger, ("2025-11-01", "held"), ("2025-12-01", "failed"))

    for _ in range(3):
        said = tell_of_trainings(settings, ledger, as_of=DECEMBER, now=MORNING)

    assert said[0].startswith("No training went well for 2 months in a row.")
    assert notices(ledger) == ["No training went well for 2 months in a row"]
    story(ledger, ("2026-01-01", "held"))
    tell_of_trainings(settings, ledger, as_of=date(2026, 1, 1), now=datetime(2026, 1, 1, 6, tzinfo=UTC))
    assert "No training went well for 3 months in a row" in notices(ledger)


def test_a_day_long_gone_and_a_single_bad_month_alarm_nobody(settings: Settings, ledger: Engine) -> None:
    story(ledger, ("2025-12-01", "failed"))
    assert tell_of_trainings(settings, ledger, as_of=DECEMBER, now=MORNING) == ()
    story(ledger, ("2025-11-01", "held"))

    tell_of_trainings(settings, ledger, as_of=DECEMBER, now=datetime(2026, 3, 1, tzinfo=UTC))
    tell_of_trainings(settings, ledger, as_of=DECEMBER, now=None)

    assert notices(ledger) == []
