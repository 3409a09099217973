"""What every step's operator does: find the day, call the pipeline, say what happened."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from customer_health_airflow.connection_secrets import (
    with_credentials,
    with_source_credentials,
    with_source_warehouse,
    with_text_keys,
)
from customer_health_airflow.run_day import run_day
from customer_health_airflow.task_links import page_of
from customer_health_airflow.task_progress import LogProgress
from customer_health_airflow.task_stop import plain_words

if TYPE_CHECKING:
    from airflow.sdk import Context

    from customer_health.pipeline import Result
    from customer_health.settings import Settings


class StepOperator(BaseOperator):
    """Runs one step of the pipeline for the run's as-of date.

    Running it twice for the same date leaves the same result. Outlets are announced under the
    as-of date as partition key, so that a manual run, which has no key of its own, still carries
    its day down the chain. Only counts and ids go to XCom.
    """

    page = ""
    day: date | None = None
    reaches_out = False  # whether it needs the credentials of destinations
    asks_models = False  # whether it needs the keys of text providers
    reads_sources = False  # whether it needs those of sources

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        """Call the pipeline; implemented by each step."""
        raise NotImplementedError

    def execute(self, context: Context) -> dict[str, Any]:
        with plain_words(self.log):
            from customer_health.settings import load_settings

            settings = with_source_warehouse(load_settings())
            if self.reaches_out:
                settings = with_credentials(settings)
            if self.asks_models:
                settings = with_text_keys(settings)
            if self.reads_sources:
                settings = with_source_credentials(settings)
            as_of = run_day(context, settings)
            self._banner(context, as_of)
            began = time.monotonic()
            result = self.run_step(settings, as_of, LogProgress(self.log))
        self.log.info("Done in %.1f s:", time.monotonic() - began)
        for line in result.lines():
            self.log.info("  %s", line)
        self.day = as_of
        self.page = page_of(result.report, settings)
        counts = result.counts()
        for asset in self.outlets:
            event = context["outlet_events"][asset]
            event.extra = dict(counts)
            event.add_partitions(as_of.isoformat())
        return counts

    def _banner(self, context: Context, as_of: date) -> None:
        reason = (context["params"] or {}).get("reason")
        self.log.info("━━━ %s · as of %s%s ━━━", self.task_id, as_of, f" · {reason}" if reason else "")


def wall_clock(settings: Settings) -> datetime:
    """Return the moment that counts as now; the domain itself never asks."""
    from customer_health.pipeline import now_of

    return now_of(settings, datetime.now(UTC))
