"""What people do with our tasks in the simulated company: known once it happened, always the same."""

from datetime import date, timedelta

import pandas as pd
import pytest

from customer_health.simulator.task_outcomes import Given, seen, worked

DAY = date(2026, 11, 2)  # a Monday
TASKS = [
    Given(f"{number:08d}-0000-5000-8000-000000000000", "acc_1", f"chs:{number}", "dana@x.y", priority, DAY)
    for number in range(400)
    for priority in [("critical", "high", "medium", "low")[number % 4]]
]


@pytest.fixture(scope="module")
def facts():
    return worked(TASKS)


def test_a_task_is_open_until_somebody_begins_and_has_no_outcome_before_it_is_closed(facts):
    for days in range(1, 20):
        rows = seen(facts, None, DAY + timedelta(days=days))
        until = pd.Timestamp(DAY + timedelta(days=days))
        assert not (rows["started_at"] >= until).any()
        assert not (rows["completed_at"] >= until).any()
        assert (rows["outcome"].notna() == rows["completed_at"].notna()).all()
        assert ((rows["status"] == "open") == rows["started_at"].isna()).all()
        assert (rows["started_at"] <= rows["completed_at"])[rows["completed_at"].notna()].all()


def test_what_changes_on_a_day_comes_again_on_that_day_and_adds_up_to_the_whole(facts):
    last = {}
    for days in range(40):
        part = seen(facts, DAY + timedelta(days=days), DAY + timedelta(days=days + 1))
        last.update({row["task_id"]: row for row in part.to_dict("records")})
    whole = {row["task_id"]: row for row in seen(facts, None, DAY + timedelta(days=40)).to_dict("records")}
    for task, row in whole.items():
        assert {name: str(value) for name, value in row.items()} == {
            name: str(value) for name, value in last[task].items()
        }


def test_urgent_work_is_begun_sooner_and_more_often(facts):
    rows = facts.rows.assign(priority=[task.priority for task in TASKS])
    waited = (rows["started_at"] - rows["occurred_at"]).groupby(rows["priority"]).median()
    begun = rows["started_at"].notna().groupby(rows["priority"]).mean()
    assert waited["critical"] < waited["high"] < waited["medium"] < waited["low"]
    assert begun["critical"] > begun["low"]


def test_nobody_works_at_the_weekend_or_at_night(facts):
    for name in ("started_at", "completed_at"):
        moments = facts.rows[name].dropna()
        assert (moments.dt.day_of_week < 5).all()
        assert moments.dt.hour.between(8, 17).all()


def test_the_same_tasks_have_the_same_days(facts):
    pd.testing.assert_frame_equal(worked(TASKS).rows, facts.rows)
    pd.testing.assert_frame_equal(
        worked(TASKS[:10]).rows, facts.rows[:10], check_exact=True
    )  # more tasks move nobody's day
