"""When the head of the chain starts automatically."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import CronPartitionTimetable, PartitionedAtRuntime

from customer_health.settings import load_settings
from customer_health_airflow.run_day import KEY_FORMAT

START = datetime(2024, 1, 1, tzinfo=UTC)


def every_midnight() -> CronPartitionTimetable | PartitionedAtRuntime:
    """Run at every midnight UTC, for the day that begins: its cut is the moment the run is created.

    The cron must stay at midnight and the offset at zero. Only then does a key (2026-11-19) parse
    back to the moment that a scheduled run carries, and only then does a back-fill recognise the
    days that are already there instead of running them twice.

    While a day is pretended (files that end in the past, the demo) nothing starts automatically: the
    calendar would start the real today. Runs are then asked for one by one, with their key.
    """
    if load_settings().today:
        return PartitionedAtRuntime()
    return CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format=KEY_FORMAT)
