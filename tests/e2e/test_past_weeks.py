"""A quarter of weeks before today: every reading made of what was known then, every effect promised once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from benchmarks.at_work import shown

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.ledger import outbox_queries, scores, training_runs
from customer_health.ledger.engine import open_ledger
from customer_health.pipeline.past_readings import live_through
from customer_health.pipeline.score_questions import replay
from customer_health.pipeline.what_if import what_if
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse

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


def test_every_headline_fact_is_told_and_what_waits_for_a_yes_leaves(long: Settings) -> None:
    """Even at 120 customers; `python -m benchmarks.at_work` lists what only more of them show."""
    found = shown(open_ledger(long.ledger_url), long.config)
    kind = {"fact low_pulse"}  # CSMs of this company feel well: the first pulse of 2 comes after these weeks
    assert {name for name in found.missing if name.startswith("fact ")} <= kind
    assert found.delivered["create_opportunity"] > 0
    assert {one.playbook for one in found.playbooks if one.accounts} >= {
        "contraction_review", "comparing_vendors", "overdue_invoices", "sponsor_left", "support_recovery",
    }  # fmt: skip


def test_living_through_the_same_weeks_again_promises_nothing_new(long: Settings) -> None:
    ledger = open_ledger(long.ledger_url)
    before, readings = outbox_queries.total(ledger), [_readings(long, day) for day in DAYS]
    assert before > 100
    live_through(long, days=DAYS)
    assert outbox_queries.total(ledger) == before
    assert [_readings(long, day) for day in DAYS] == readings


def test_a_published_score_is_made_again_bit_for_bit_and_what_differs_is_named(long: Settings) -> None:
    rows = scores.of(open_ledger(long.ledger_url), DAYS[-1])
    scored = rows.loc[rows["state"] == "scored", "account_id"].tolist()
    for account in scored[:3]:
        assert replay(long, account=account, as_of=DAYS[-1]).counts()["equal"] == 1
    with open_warehouse(long.warehouse_url) as con:
        con.execute(
            'UPDATE signals."values" SET recent_nps = 0, open_critical_tickets = 3 '
            "WHERE account_id = ? AND as_of = ?",
            [scored[0], DAYS[-1]],
        )
    again = replay(long, account=scored[0], as_of=DAYS[-1])
    assert again.counts()["equal"] == 0
    assert any("late data: open_critical_tickets" in line for line in again.lines())
    assert replay(long, account=scored[1], as_of=DAYS[-1]).counts()["equal"] == 1
    with pytest.raises(ConfigurationError, match="no published row"):
        replay(long, account="nobody", as_of=DAYS[-1])


def test_other_settings_are_tried_on_a_day_before_they_are_merged(long: Settings, tmp_path: Path) -> None:
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text("name: Small Ltd\n")
    other.write_text("score: {rules: rules_v2}\n")
    before = _readings(long, DAYS[1])
    assert what_if(long, config=same, as_of=DAYS[1]).counts()["change_tier"] == 0
    changed = what_if(long, config=other, as_of=DAYS[1])
    assert int(changed.counts()["change_tier"]) > 0
    assert "accounts change tier, with" in changed.lines()[0]
    assert _readings(long, DAYS[1]) == before  # nothing was published
    last = what_if(long, config=same, as_of=DAYS[-1])
    assert last.counts()["tasks_without_ground"] == 0
    paused = tmp_path / "paused.yaml"
    paused.write_text("playbooks: {paused: [healthy_checkin]}\n")
    taken = what_if(long, config=paused, as_of=DAYS[-1])
    assert any("Playbook healthy_checkin" in line and "it is paused" in line for line in taken.lines())


def test_a_reading_of_the_year_before_has_a_model_that_knew_no_more_than_it_did(tmp_path: Path) -> None:
    """The gap between both is a quarter, as in `make demo PAST=year`."""
    settings, earlier = _settings(tmp_path), FIRST - timedelta(weeks=13)
    live_through(settings, days=[earlier, FIRST], train_anew=[FIRST])
    ledger = open_ledger(settings.ledger_url)
    assert {run.as_of for run in training_runs.history(ledger)} == {earlier, FIRST}
    assert scores.days(ledger) == [earlier, FIRST]
    assert _readings(settings, earlier)


def test_nobody_invents_the_past_of_a_real_company(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    real = settings.model_copy(update={"data": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="Only the simulated company"):
        live_through(real, days=DAYS)
