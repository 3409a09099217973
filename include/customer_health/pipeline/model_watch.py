"""What becomes of predictions and of trainings, and what the data behind them is worth."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from customer_health.address_faults import asking
from customer_health.pipeline.ingestion import company_config
from customer_health.pipeline.step_result import Result
from customer_health.pipeline.training_inputs import training_inputs
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.model.registry.current_model import Watch
    from customer_health.settings import Settings

BAD_MONTHS = 2  # in a row, before somebody is told


def watch_model(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Grade every published prediction that has matured, and say what was missed and why."""
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.engine import open_ledger
    from customer_health.model.registry import current_model
    from customer_health.model.reports.scoreboard_page import write

    config = company_config(settings)
    progress(0, 0, "grading")
    panel, outcomes, *_ = training_inputs(settings, config, as_of, progress)
    ledger = open_ledger(settings.ledger_url)
    record = registry.current(ledger, as_of=as_of)
    signals = list(record.summary.get("signals", [])) if record else []
    watch = current_model.watch(ledger, outcomes, panel, signals, config, as_of=as_of)
    watch = watch.with_signals(_signals_of(settings, watch.board.missed))
    keep_watch(ledger, watch, as_of)
    report = write(watch, settings.reports, as_of)
    numbers = {name: value for name, value in watch.board.summary().items() if value is not None}
    return Result("Prediction scoreboard", numbers, tuple(watch.lines()), report=report)


def _signals_of(settings: Settings, missed: pd.DataFrame) -> pd.DataFrame:
    """Every account's signals on the days on which somebody was missed, as they were kept that day."""
    import pandas

    if missed.empty:
        return pandas.DataFrame()
    days = sorted({pandas.Timestamp(day).date() for day in missed["as_of"]})
    with open_warehouse(settings.warehouse_url) as con:
        if not has_table(con, "values", "signals"):
            return pandas.DataFrame()
        return con.execute('SELECT * FROM signals."values" WHERE list_contains(?, as_of)', [days]).df()


def keep_watch(ledger: Engine, watch: Watch, as_of: date) -> None:
    """Keep the scoreboard's numbers for the page."""
    from customer_health.ledger import report_numbers

    report_numbers.keep(ledger, report_numbers.SCOREBOARD, as_of, watch.content())


def value_of_data(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Measure what each source, concept and signal is worth; write the report and the card's section."""
    from customer_health.ledger import report_numbers, training_runs
    from customer_health.ledger.engine import open_ledger
    from customer_health.model.evaluation.ablation import value_of_data as measure
    from customer_health.model.evaluation.fold_store import FoldStore
    from customer_health.model.reports import model_card, value_of_data_page
    from customer_health.signals.signal_sources import coverage_by_segment

    config = company_config(settings)
    panel, outcomes, *_ = training_inputs(settings, config, as_of, progress)
    store = FoldStore(settings.folds / ".worth")
    worth = measure(panel, outcomes, config, as_of=as_of, progress=progress, store=store)
    store.prune()
    newest = panel[(panel["as_of"] == panel["as_of"].max()) & panel["is_customer"].astype(bool)]
    coverage = coverage_by_segment(newest)
    report = value_of_data_page.write(worth, settings.reports, as_of, coverage)
    ledger = open_ledger(settings.ledger_url)
    report_numbers.keep(
        ledger, report_numbers.VALUE_OF_DATA, as_of, value_of_data_page.content(worth, coverage)
    )
    last = next((told for told in training_runs.history(ledger, as_of=as_of) if told.model_id), None)
    if last is not None:
        path = settings.models / str(last.model_id) / model_card.FILE
        with asking(path):
            if path.exists():
                value_of_data_page.insert(path, worth)
    numbers: dict[str, int | float | str] = {
        str(verdict).replace(" ", "_"): int(count)
        for verdict, count in worth.table["verdict"].value_counts().items()
    }
    return Result("Value of data", numbers, tuple(value_of_data_page.lines(worth)), report=report)


def tell_of_trainings(
    settings: Settings, ledger: Engine, *, as_of: date, now: datetime | None
) -> tuple[str, ...]:
    """Tell the data team when no training went well for two months; once a month, through the outbox.

    Returns:
        The same for the log; empty when all is well.
    """
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.training_runs import bad_months
    from customer_health.playbooks.operator_notices import Notice, tell_data_team

    bad = bad_months(ledger, as_of=as_of)
    if len(bad) < BAD_MONTHS:
        return ()
    record = registry.current(ledger, as_of=as_of)
    scoring = (
        f"{record.model_id}, trained as of {record.trained_as_of}, scores on" if record else "the rules score"
    )
    title = f"No training went well for {len(bad)} months in a row"
    notice = Notice(
        topic="training",
        cycle=f"month-{as_of:%Y-%m}",
        title=title,
        lines=[f"{told.as_of}: {told.outcome}: {told.reason}" for told in bad] + [f"Meanwhile {scoring}."],
        remedy="Read the model card of the last training (page Health, Model). A model that a gate held "
        "back can be let through with approve-model; a failed training says in its log what to fix.",
    )
    oldest = timedelta(hours=settings.config.playbooks.max_as_of_age_hours)
    if now is not None and now - datetime.combine(as_of, time(), UTC) <= oldest:
        tell_data_team(ledger, settings.config, [notice], now=now)
    return (f"{title}. {notice.remedy}",)
