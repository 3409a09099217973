"""Our numbers go where Airflow's go: StatsD or OpenTelemetry, as its configuration names, or nowhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from customer_health.settings import Settings


def show_gauges(settings: Settings, now: datetime) -> None:
    """Send the gauges of this moment."""
    from airflow.sdk.observability import stats

    from customer_health.operations.measurements import gauges

    for gauge in gauges(settings, now=now):
        stats.gauge(gauge.name, gauge.value)
