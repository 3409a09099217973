"""A quarter of weeks before today: every reading made of what was known then, every effect promised once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.ledger import outbox_queries, scores
from customer_health.ledger.engine import open_ledger
from customer_health.pipeline.past_readings import live_through
from customer_health.settings import Settings, load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIRST = date(2026, 2, 1)
DAYS = [FIRST + timedelta(weeks=number) for number in range(4)]


def _settings(home: Path) -> Settings:
    company = {"accounts": 120, "start": "2023-10-02"}
    settings = load_settings({}, home=home)
    return settings.model_copy(update={"config": CompanyConfig.model_validate({"simulator": company})})


def _readings(settings: Settings, day: date) -> list[dict[str, Any]]:
    rows = scores.of(open_ledger(settings.ledger_url), day).to_dict("records")
    return [{name: value for name, value in row.items() if value == value} for row in rows]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company that has lived through four weeks."""
    settings = _settings(tmp_path_factory.mktemp("long"))
    live_through(settings, days=DAYS)
    return settings


def test_the_reading_of_a_week_is_the_same_whether_or_not_later_weeks_follow(
    long: Settings, tmp_path: Path
) -> None:
    short = _settings(tmp_path)
    live_through(short, days=DAYS[:2])
    for day in DAYS[:2]:
        assert len(_readings(short, day)) > 50
        assert _readings(short, day) == _readings(long, day)


def test_every_week_has_its_readings_and_people_have_worked_on_their_tasks(long: Settings) -> None:
    ledger = open_ledger(long.ledger_url)
    assert scores.days(ledger) == DAYS
    with ledger.connect() as connection:
        states = dict(connection.exec_driver_sql("SELECT status, count(*) FROM task_states GROUP BY 1").all())
    assert states["completed"] > states.get("open", 0) // 4


def test_living_through_the_same_weeks_again_promises_nothing_new(long: Settings) -> None:
    ledger = open_ledger(long.ledger_url)
    before, readings = outbox_queries.total(ledger), [_readings(long, day) for day in DAYS]
    assert before > 100
    live_through(long, days=DAYS)
    assert outbox_queries.total(ledger) == before
    assert [_readings(long, day) for day in DAYS] == readings


def test_nobody_invents_the_past_of_a_real_company(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    real = settings.model_copy(update={"data": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="Only the simulated company"):
        live_through(real, days=DAYS)
