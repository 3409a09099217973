"""When the head of the chain starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from airflow.sdk import CronPartitionTimetable

from customer_health.settings import load_settings
from customer_health_airflow.run_day import KEY_FORMAT

START = datetime(2024, 1, 1, tzinfo=UTC)


def daily() -> CronPartitionTimetable:
    """Run at every midnight UTC, for the day that begins: its cut is the moment the run is created.

    The cron must stay at midnight and the offset at zero. Only then does a key (2026-11-19) parse
    back to the moment that a scheduled run carries, and only then does a back-fill recognise the
    days that are already there instead of running them twice.
    """
    return CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format=KEY_FORMAT)


def last_scheduled_day() -> datetime | None:
    """Return the moment after which nothing starts by itself; None means never.

    While a day is pretended (files that end in the past, the demo), the calendar must not start the
    real today: its runs are asked for one by one.
    """
    today = load_settings().today
    return datetime.combine(today, time(), tzinfo=UTC) - timedelta(days=400) if today else None
