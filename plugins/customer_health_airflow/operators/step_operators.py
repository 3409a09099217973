"""One operator per step of the pipeline. The heavy imports happen when a task runs, not at parse."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from customer_health_airflow.operators.step_operator import StepOperator, wall_clock
from customer_health_airflow.shown_gauges import show_gauges
from customer_health_airflow.task_links import (
    DataDocsLink,
    DayLink,
    GateReportLink,
    KpiReportLink,
    ModelCardLink,
    RecordLink,
    ScoreboardLink,
    ValueOfDataLink,
)
from customer_health_airflow.task_progress import LogProgress

if TYPE_CHECKING:
    from customer_health.pipeline import Result
    from customer_health.settings import Settings


class SourceOperator(StepOperator):
    """A step that works with one source; the others do not wait for it."""

    template_fields = ("source",)

    def __init__(self, *, source: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source


class AskSourceOperator(SourceOperator):
    """Asks one source for what is new; what lies here already needs no asking."""

    reads_sources = True

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import ask_source

        return ask_source(settings, as_of=as_of, source=self.source, progress=progress)


class IngestSourceOperator(SourceOperator):
    """Loads what one source knows before the as-of date."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import ingest

        return ingest(settings, as_of=as_of, source=self.source, progress=progress, asked=True)


class QualityGateOperator(StepOperator):
    """Holds the raw tables against their contracts; what fails as a whole stops the chain."""

    operator_extra_links = (GateReportLink(), DataDocsLink())

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import check_quality

        return check_quality(settings, as_of=as_of, now=wall_clock(settings), progress=progress)


class ReadTextsOperator(StepOperator):
    """Reads what customers wrote: sentiment, reasons and intents, each distinct text once."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import read_texts

        return read_texts(settings, as_of=as_of, progress=progress)


class AskTextProviderOperator(StepOperator):
    """Lets the configured provider read what waits; is done at once where there is none."""

    asks_models = True

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import ask_text_provider

        return ask_text_provider(settings, as_of=as_of, now=wall_clock(settings), progress=progress)


class BuildSignalsOperator(StepOperator):
    """Computes every signal of every account, for the run's day or for a range that ends with it.

    Args:
        since: First day of the range as ISO text; empty for the day alone.
    """

    template_fields = ("since",)

    def __init__(self, *, since: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.since = since

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import build_signals, days_between

        days = days_between(date.fromisoformat(self.since) if self.since else None, as_of)
        return build_signals(settings, as_of_dates=days, progress=progress)


class EnsureChampionOperator(StepOperator):
    """Trains once if nobody has decided yet between a model and the rules."""

    operator_extra_links = (ModelCardLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import ensure_champion

        return ensure_champion(settings, as_of=as_of, now=wall_clock(settings), progress=progress)


class TrainModelOperator(StepOperator):
    """Trains walk-forward and registers the decision."""

    operator_extra_links = (ModelCardLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import train_model

        return train_model(settings, as_of=as_of, now=wall_clock(settings), progress=progress)


class ValueOfDataOperator(StepOperator):
    """Measures what each source and signal is worth, after the model has taken its place."""

    operator_extra_links = (ValueOfDataLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import value_of_data

        return value_of_data(settings, as_of=as_of, progress=progress)


class ScoreboardOperator(StepOperator):
    """Grades every published prediction whose time has come."""

    operator_extra_links = (ScoreboardLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import watch_model

        return watch_model(settings, as_of=as_of, progress=progress)


class ScoreAccountsOperator(StepOperator):
    """Scores every account and publishes the scores to the ledger in one transaction."""

    asks_models = True  # where the company lets a model word the Why

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import score_accounts

        return score_accounts(settings, as_of=as_of, now=wall_clock(settings), progress=progress)


class RunPlaybooksOperator(StepOperator):
    """Turns scores into episodes, decisions and promised effects."""

    operator_extra_links = (DayLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import run_playbooks

        return run_playbooks(settings, as_of=as_of, now=wall_clock(settings))


class DestinationOperator(StepOperator):
    """A step that works with one destination; the others do not wait for it."""

    reaches_out = True
    template_fields = ("destination",)

    def __init__(self, *, destination: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.destination = destination


class DeliverEffectsOperator(DestinationOperator):
    """Fulfils what the outbox promised to one destination."""

    operator_extra_links = (DayLink(), RecordLink())
    record = ""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.destinations.record_links import newest_record
        from customer_health.pipeline import deliver_effects

        now = wall_clock(settings)
        done = deliver_effects(settings, destination=self.destination, now=now)
        self.record = newest_record(settings, self.destination, since=now)
        return done


class AuditDeliveriesOperator(DestinationOperator):
    """Counts what landed twice at one destination; changes nothing there."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import audit_deliveries

        return audit_deliveries(settings, destination=self.destination, now=wall_clock(settings))


class CollectResponsesOperator(StepOperator):
    """Reads who reacted to the episodes' messages; changes nothing outside."""

    reaches_out = True

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import collect_responses

        return collect_responses(settings, now=wall_clock(settings), progress=progress)


class FollowUpOperator(StepOperator):
    """Promises what time and people made due: reminders, escalations, edits of messages."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import follow_up

        now = wall_clock(settings)
        result = follow_up(settings, now=now, progress=progress)
        show_gauges(settings, now)
        return result


class ReportKpisOperator(StepOperator):
    """Writes the KPI report."""

    operator_extra_links = (KpiReportLink(),)

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import report_kpis

        return report_kpis(settings, as_of=as_of, now=wall_clock(settings))


class CallForTrainingOperator(StepOperator):
    """Announces that a training is due, or is skipped: then nobody downstream hears anything."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import training_due

        return _due(training_due(settings, as_of=as_of))


class CallForReportOperator(StepOperator):
    """Announces that a KPI report is due, or is skipped."""

    def run_step(self, settings: Settings, as_of: date, progress: LogProgress) -> Result:
        from customer_health.pipeline import report_due

        return _due(report_due(settings, as_of=as_of))


def _due(result: Result) -> Result:
    if not result.counts()["due"]:
        raise AirflowSkipException(" ".join(result.lines()))
    return result
