"""Let the simulated company live through weeks before today: one pass over its data, then week by week."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError
from customer_health.pipeline import activation, ingestion, retraining, scoring, text_reading
from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent
from customer_health.simulator import approval_answers

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from customer_health.settings import Settings

MORNING = time(6)
SIMULATED = ["simulated"]


def can_live_through(settings: Settings) -> bool:
    """Whether the company is simulated and nothing can leave the system: nobody else's past is invented."""
    previews = set(settings.config.destinations.model_dump().values()) == {"preview"}
    return previews and ingestion.sources(settings) == SIMULATED


def live_through(
    settings: Settings,
    *,
    days: Sequence[date],
    train_anew: Collection[date] = (),
    progress: Progress = silent,
) -> Result:
    """Publish scores and act for each of these days as if it were that day, oldest first.

    The raw tables are loaded once, through the last day, and the signals of all days are computed in one
    pass; what was not known before a day's midnight does not count for it. The model is trained on what
    the first day knew, and where `train_anew` says so, so that no day is scored by a model that has seen its
    future. Between the days the
    company's people work on their tasks and answer what waits for approval, and the clocks of reminders run.
    Doing it again changes nothing. While a day's plays and deliveries run in a process of their own, the next
    day's scores are computed; they are published when those have ended, so that nobody acts on what lies
    ahead.

    Args:
        settings: Of the simulated company.
        days: As-of dates.
        train_anew: Those before whose scores another model is trained; it takes over if it passes the gates.
        progress: Told what is being done.

    Raises:
        ConfigurationError: The company is a real one, or something could leave the system.
    """
    from customer_health.pipeline.ledger_upgrade import upgrade_ledger

    if not can_live_through(settings):
        raise ConfigurationError(
            "Only the simulated company, with every destination a preview, can live through its past.",
            hint="Leave DATA, sources and destinations out.",
        )
    days = sorted(days)
    settings = settings.model_copy(update={"today": days[-1]})
    upgrade_ledger(settings)
    progress(0, 0, f"loading the company's facts until {days[-1]}")
    ingestion.simulate(settings, days[-1], with_tasks=False)
    ingestion.ingest(settings, as_of=days[-1], asked=True)
    ingestion.check_quality(settings, as_of=days[-1], now=_morning(days[-1]))
    text_reading.read_texts(settings, as_of=days[-1])
    progress(0, 0, f"computing the signals of {len(days)} days in one pass")
    ingestion.build_signals(settings, as_of_dates=days)
    progress(0, 0, f"training on what {days[0]} knew")
    retraining.ensure_champion(settings, as_of=days[0], now=_morning(days[0]))
    with _beside(settings) as acting, ProcessPoolExecutor(1, get_context("spawn")) as people:
        before: Future[None] | None = None
        for number, day in enumerate(days, 1):
            pretended = settings.model_copy(update={"today": day})
            if day in train_anew:
                if before:
                    before.result()
                progress(0, 0, f"training on what {day} knew")
                retraining.train_model(
                    pretended, as_of=day, now=_morning(day) - timedelta(hours=2), effort="quick"
                )
            progress(number, len(days), f"living through {day}")
            scoring.score_accounts(
                pretended,
                as_of=day,
                now=_morning(day) - timedelta(hours=1),
                before_publishing=before.result if before else tuple,
            )
            before = people.submit(_act, acting, day)
        if before:
            before.result()
    return Result(
        "Past readings",
        {"days": len(days)},
        (f"Lived through {len(days)} days before today, {days[0]} to {days[-1]}.",),
    )


@contextmanager
def _beside(settings: Settings) -> Iterator[Settings]:
    """Settings whose warehouse is a copy: one process at a time may open a DuckDB file.

    Acting reads the raw tables and the signals of the days, which do not change any more, and writes none.
    """
    warehouse = Path(settings.warehouse_url.removeprefix("duckdb:///"))
    with TemporaryDirectory(prefix="acting-", dir=warehouse.parent) as folder:
        copy = Path(folder) / warehouse.name
        shutil.copyfile(warehouse, copy)
        yield settings.model_copy(update={"warehouse_url": f"duckdb:///{copy}"})


def _act(settings: Settings, day: date) -> None:
    """One day's plays and deliveries, and what became of them two days later."""
    from customer_health.ledger.engine import open_ledger

    ledger, now = open_ledger(settings.ledger_url), _morning(day)
    pretended = settings.model_copy(update={"today": day})
    _take_in_work(ledger, day)
    activation.run_playbooks(pretended, as_of=day, now=now)
    _deliver(pretended, now)
    later = day + timedelta(days=2)
    _take_in_work(ledger, later)
    approval_answers.give(ledger, _morning(later), settings.config.playbooks.approver_names)
    two_days_on = settings.model_copy(update={"today": later})
    activation.follow_up(two_days_on, now=_morning(later))
    _deliver(two_days_on, _morning(later))


def _deliver(settings: Settings, now: datetime) -> None:
    for name in activation.destinations(settings):
        activation.deliver_effects(settings, destination=name, now=now)


def _take_in_work(ledger: Engine, before: date) -> None:
    """Tell the ledger what the company's people had done with their tasks before a day.

    The raw tables were loaded once and know of no task that was given since.
    """
    from customer_health.ledger.crm_tasks import TaskSeen, take_in
    from customer_health.simulator.task_outcomes import given, seen, worked

    rows = seen(worked(given(ledger, before)), None, before)
    rows = rows.astype(object).where(rows.notna(), None)
    take_in(
        ledger,
        [
            TaskSeen(
                row["effect_key"],
                row["task_id"],
                row["status"],
                row["owner_email"],
                row["outcome"],
                _utc(row["started_at"]),
                _utc(row["completed_at"]),
                max(filter(None, (_utc(row[name]) for name in ("known_at", "started_at", "completed_at")))),
                row["account_id"],
                row["external_id"],
            )
            for row in rows.to_dict("records")
        ],
    )


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, UTC)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)
