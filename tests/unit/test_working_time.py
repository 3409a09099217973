"""Due times count the working days and hours of anybody who must act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from customer_health.playbook_config import MeetingHours
from customer_health.playbooks import working_time
from customer_health.playbooks.routing import due_at

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = MeetingHours()
SATURDAY = datetime(2026, 11, 7, 5, tzinfo=UTC)


def said(instant: datetime) -> str:
    return f"{instant.astimezone(BERLIN):%a %H:%M}"


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (SATURDAY, 24, "Tue 09:00"),
        (SATURDAY, 48, "Wed 09:00"),
        (datetime(2026, 11, 6, 5, tzinfo=UTC), 24, "Mon 09:00"),  # Friday 06:00 in Berlin
        (datetime(2026, 11, 6, 9, tzinfo=UTC), 48, "Tue 10:00"),
        (datetime(2026, 11, 3, 9, tzinfo=UTC), 48, "Thu 10:00"),
        (datetime(2026, 11, 3, 20, tzinfo=UTC), 24, "Thu 09:00"),  # 21:00 is nobody's hour
    ],
)
def test_a_short_task_is_due_when_its_owner_works(start: datetime, hours: int, due: str) -> None:
    """A Saturday's alert had been due, and had escalated, on Monday at midnight."""
    assert said(due_at(start, start, timedelta(hours=hours), "Europe/Berlin")) == due


def test_waiting_counts_no_weekend() -> None:
    """From Friday noon to Monday noon one day has passed."""
    friday = datetime(2026, 11, 6, 11, tzinfo=UTC)
    assert working_time.passed(friday, friday + timedelta(days=3), BERLIN, HOURS) == timedelta(days=1)
    assert working_time.passed(SATURDAY, SATURDAY + timedelta(days=1), BERLIN, HOURS) == timedelta(0)


@pytest.mark.parametrize("days", [0.1, 0.5, 1.0, 2.7])
@pytest.mark.parametrize("begins", range(0, 24 * 9, 7))
def test_what_lies_between_is_what_was_added(begins: int, days: float) -> None:
    """Over weekends and over the end of summer time."""
    start = datetime(2026, 10, 21, tzinfo=UTC) + timedelta(hours=begins)
    end = working_time.after(start, timedelta(days=days), BERLIN, HOURS)
    assert working_time.passed(start, end, BERLIN, HOURS) == timedelta(days=days)
    assert end.astimezone(BERLIN).weekday() < 5


def test_a_company_may_work_on_sundays() -> None:
    """From Sunday to Thursday, as its meeting hours say."""
    hours = MeetingHours(weekdays=(6, 0, 1, 2, 3))
    friday = datetime(2026, 11, 6, 9, tzinfo=UTC)
    due = due_at(friday, friday, timedelta(hours=24), "Europe/Berlin", hours)
    assert said(due) == "Mon 09:00"
