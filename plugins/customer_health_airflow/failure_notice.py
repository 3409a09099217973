"""What happens when a task has failed for good: those who run the system hear of it.

The message goes through the outbox like everything else that leaves the system, and `tick_outbox` delivers
it within the hour. Airflow calls this after the last try only: in the worker, or in the DAG processor when
the worker was killed. What goes wrong in here Airflow writes to the task's log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from customer_health_airflow.operators.step_operator import wall_clock
from customer_health_airflow.run_day import run_day

if TYPE_CHECKING:
    from customer_health.settings import Settings

NO_REMEDY = (
    "Its log has the trace. When the cause is fixed, clear the task: it replaces what it did and "
    "repeats nothing."
)


def tell_the_data_team(context: Mapping[str, Any]) -> None:
    """Promise one notice per task and day."""
    from customer_health.pipeline import notice_failure
    from customer_health.settings import load_settings

    settings, ti, error = load_settings(), context["ti"], context.get("exception")
    result = notice_failure(
        settings,
        dag=ti.dag_id,
        task=ti.task_id,
        as_of=_day(context, settings),
        words=str(error or "The worker died or lost touch; Airflow gave the task up."),
        remedy=getattr(error, "remedy", "") or NO_REMEDY,
        link=getattr(ti, "log_url", ""),
        now=wall_clock(settings),
    )
    logging.getLogger(__name__).info("%s", " ".join(result.lines()))


def _day(context: Mapping[str, Any], settings: Settings) -> date | None:
    """Return the run's day; None when the day itself is what was wrong."""
    from customer_health.errors import ConfigurationError

    try:
        return run_day(context, settings)
    except ConfigurationError:
        return None
