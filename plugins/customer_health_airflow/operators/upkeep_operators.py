"""Operators that look after the installation: retention, back-up, a sign of life to somebody outside."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

from customer_health_airflow.operators.step_operator import StepOperator, wall_clock

if TYPE_CHECKING:
    from customer_health.pipeline import Result
    from customer_health.settings import Settings
    from customer_health_airflow.task_progress import LogProgress


class RetainOperator(StepOperator):
    """Removes what the company file's retention no longer keeps."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.operations.thinning import retain

        return retain(settings, now=wall_clock(settings))


class BackUpOperator(StepOperator):
    """Writes a back-up to the address of CUSTOMER_HEALTH_BACK_UP; is skipped where there is none."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.operations.backup import back_up

        if not settings.back_up:
            raise AirflowSkipException("CUSTOMER_HEALTH_BACK_UP names no address, so nothing is backed up.")
        return back_up(settings, settings.back_up, now=wall_clock(settings))


class HeartbeatOperator(StepOperator):
    """Tells a monitor outside that we are alive; says so where nobody watches."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.operations.heartbeat import UNWATCHED, beat

        if not settings.heartbeat:
            raise AirflowSkipException(UNWATCHED)
        return beat(settings, now=wall_clock(settings))
