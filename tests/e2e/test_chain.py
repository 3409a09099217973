"""From the company's facts to the CRM task, through the real DAGs; twice; and for a day long gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.e2e.conftest import TODAY, WEEK_BEFORE, Story

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DAILY = ["ingest_sources", "build_signals", "score_accounts", "run_playbooks", "deliver_effects"]


def test_one_day_runs_through_the_whole_chain_by_itself(story: Story) -> None:
    runs = story.runs["today"]
    assert [run.dag_id for run in runs if run.dag_id in DAILY] == DAILY
    for run in runs[1:]:
        assert run.key == TODAY.isoformat(), run.dag_id
    for run in runs:
        assert set(run.states.values()) <= {"success", "skipped"}, (run.dag_id, run.states)


def test_the_weekly_report_is_written_on_a_monday_and_no_second_training_is_called_for(story: Story) -> None:
    called = {run.dag_id for run in story.runs["today"]} - set(DAILY)
    assert called == {"report_kpis"}


def test_the_weekly_report_grades_what_was_published_and_a_training_is_followed_by_the_value_of_data(
    story: Story,
) -> None:
    report = next(run for run in story.runs["today"] if run.dag_id == "report_kpis")
    assert report.states == {"report": "success", "scoreboard": "success"}
    assert list((story.home / "reports").glob(f"scoreboard-{TODAY}.md"))
    training = story.runs["a training"]
    assert [(run.dag_id, run.states) for run in training] == [
        ("train_model", {"train": "success", "value_of_data": "success"})
    ]
    assert list((story.home / "reports").glob(f"value-of-data-{TODAY}.md"))


def test_every_account_of_both_days_has_a_published_score(story: Story) -> None:
    from customer_health.ledger import scores
    from customer_health.ledger.engine import open_ledger

    ledger = open_ledger(f"sqlite:///{story.home}/ledger.db")
    assert {WEEK_BEFORE, TODAY} <= set(scores.days(ledger))
    today = scores.of(ledger, TODAY)
    assert len(today) > 100
    assert today.loc[today["state"] == "scored", "score_shown"].between(0, 100).all()
    assert today.loc[today["state"] == "scored", "why"].str.len().gt(0).all()


def test_playbooks_promise_something_and_it_is_rendered(story: Story) -> None:
    assert story.effects["today"]
    assert story.rendered["today"] > 0


def test_the_same_day_again_adds_nothing(story: Story) -> None:
    assert [run.dag_id for run in story.runs["today again"]] == [run.dag_id for run in story.runs["today"]]
    assert story.effects["today again"] == story.effects["today"]
    assert story.rendered["today again"] == story.rendered["today"]


def test_a_day_filled_in_afterwards_is_scored_and_acts_on_nothing(story: Story) -> None:
    assert [run.dag_id for run in story.runs["an old day"]] == DAILY
    assert story.effects["an old day"] == story.effects["today"]


def test_a_range_of_signals_is_filled_in_by_one_run_and_only_its_last_day_travels_on(story: Story) -> None:
    from customer_health.warehouse.connect import open_warehouse

    runs = story.runs["a range"]
    assert [run.dag_id for run in runs][:4] == DAILY[1:]
    assert {run.key for run in runs[1:]} == {TODAY.isoformat()}
    assert all(set(run.states.values()) <= {"success", "skipped"} for run in runs)
    with open_warehouse(f"duckdb:///{story.home}/warehouse.duckdb") as con:
        kept = con.execute("SELECT DISTINCT as_of FROM signals.values ORDER BY 1").fetchall()
    wanted = {WEEK_BEFORE + timedelta(days=n) for n in range(8)}
    assert wanted <= {day for (day,) in kept}
    # The day filled in before is now what today is compared and smoothed with: only where that moves a score
    # may today decide anew, and nothing that was promised is promised again.
    before, after = story.scores["an old day"], story.scores["a range"]
    moved = {account for account in after if after[account] != before[account]}
    new = story.effects["a range"].keys() - story.effects["today"].keys()
    assert story.effects["today"].keys() <= story.effects["a range"].keys()
    assert {story.effects["a range"][key] for key in new} <= moved
