"""From scores to actions and their measure: playbooks, delivery, KPIs."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from customer_health.errors import FatalError, RetriableError
from customer_health.pipeline import hold_checks
from customer_health.pipeline.people import publish_people
from customer_health.pipeline.responses import take_in_tasks
from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from customer_health.delivery.delivery_policy import DeliveryCounts
    from customer_health.settings import Settings


def destinations(settings: Settings) -> list[str]:
    """Names under which playbooks address destinations, one delivery task each."""
    return sorted(settings.config.destinations.model_dump())


def run_playbooks(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Open and close episodes, decide every playbook, and promise effects in the outbox."""
    from customer_health.kpis.renewals.renewal_forecast import this_quarter
    from customer_health.ledger.engine import open_ledger
    from customer_health.playbooks.playbook_run import run_playbooks as run
    from customer_health.playbooks.warehouse_context import of_warehouse
    from customer_health.remote.usage_placement import remote_usage

    progress(0, 0, "deciding")
    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con, remote_usage(settings) as usage:
        came_back = take_in_tasks(con, ledger, as_of)
        doubts = hold_checks.suspicions(con, settings, ledger, as_of=as_of)
        known = replace(
            of_warehouse(con, as_of, usage),
            renewals=partial(this_quarter, config=settings.config, as_of=as_of, known_before=now),
        )
        done = run(ledger, settings.config, as_of=as_of, now=now, hold=doubts, background=known)
        publish_people(settings, con, ledger, as_of=as_of, with_usage=usage is None, progress=progress)
    if done.mode == "live":
        hold_checks.tell(settings, ledger, doubts, as_of=as_of, now=now)
    return Result("Run playbooks", done.counts(), (*came_back, *done.lines()))


def follow_up(settings: Settings, *, now: datetime, progress: Progress = silent) -> Result:
    """Promise what time and people made due: reminders, escalations, the state of each episode's message."""
    from customer_health.ledger.engine import open_ledger
    from customer_health.playbooks.operator_notices import missing_scores, tell_data_team
    from customer_health.playbooks.reminders import follow_up as follow

    progress(0, 0, "following up")
    ledger = open_ledger(settings.ledger_url)
    done = follow(ledger, settings.config, now=now)
    missing = missing_scores(ledger, settings.config, now=now)
    tell_data_team(ledger, settings.config, missing, now=now)
    said = (*done.lines(), *(f"{notice.title}. {notice.remedy}" for notice in missing))
    return Result("Follow up", done.counts() | {"scores_missing": len(missing)}, said)


def notice_failure(
    settings: Settings,
    *,
    dag: str,
    task: str,
    as_of: date | None,
    words: str,
    remedy: str,
    link: str,
    now: datetime,
) -> Result:
    """Tell the data team that a task failed for good; once per task and day, however many notice it.

    Args:
        settings: Where the ledger is.
        dag: Name of the DAG.
        task: Name of its task.
        as_of: The day that the task worked on, where it has one.
        words: What happened.
        remedy: What to do about it.
        link: Address of the task's log.
        now: The present, zone-aware.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.playbooks.operator_notices import Notice, tell_data_team

    on = f" (as of {as_of})" if as_of else ""
    notice = Notice(
        topic=f"task_failed:{dag}.{task}",
        cycle=f"day-{as_of or now.date()}",
        title=f"{dag}.{task} failed{on}",
        lines=words.splitlines(),
        remedy=remedy,
        link=link,
    )
    new = tell_data_team(open_ledger(settings.ledger_url), settings.config, [notice], now=now)
    return Result("Notice", {"new": new}, ("The data team will be told.",) if new else ("It knows already.",))


LOST_ANSWERS = timedelta(minutes=4)
"""A lost answer is looked up after two."""


def deliver_effects(
    settings: Settings,
    *,
    destination: str,
    now: datetime,
    progress: Progress = silent,
    patience: timedelta = LOST_ANSWERS,
) -> Result:
    """Fulfil what the outbox promised to one destination, staying a few minutes for lost answers.

    Args:
        settings: Where things are.
        destination: Name of its role.
        now: The present, zone-aware.
        progress: Told what is being done.
        patience: How long to stay for what becomes due meanwhile.

    Raises:
        FatalError: The destination turned us away; a person must renew a token or a permission.
        RetriableError: It does not answer; what was promised waits and nothing is lost.
    """
    from customer_health.delivery.dispatch import drain
    from customer_health.destinations.destination_registry import destination_for
    from customer_health.ledger.engine import open_ledger

    began = _seconds()

    def clock() -> datetime:
        """The caller's now, and the time that has passed since: leases must run out."""
        return now + timedelta(seconds=_seconds() - began)

    ledger, target = open_ledger(settings.ledger_url), destination_for(destination, settings)
    progress(0, 0, f"delivering to {destination}")
    done = drain(
        ledger,
        target,
        now=clock,
        patience=patience,
    )
    _tell_of_refusals(settings, ledger, done, now)
    if done.stopped:
        raise _stopped(ledger, done)
    return Result(f"Deliver to {destination}", done.counts(), tuple(done.lines()))


def _seconds() -> float:
    """Return seconds since some moment, those in which the machine was suspended included, where it can tell.

    Linux's monotonic clock stands still meanwhile; the one since the start of the machine does not.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _stopped(ledger: Engine, done: DeliveryCounts) -> FatalError | RetriableError:
    """Return what ends the task: why first, then what that means for what was promised, then what to do."""
    from customer_health.ledger.outbox.admin import tally
    from customer_health.ledger.outbox.transitions import OPEN_STATES

    states = tally(ledger).get(done.destination, {})
    waiting = sum(states.get(state, 0) for state in OPEN_STATES)
    rest = [line for line in done.lines() if not line.startswith("Stopped: ")]
    kept = f"{waiting} effects wait for {done.destination}; nothing is lost, nothing is sent twice."
    words = "\n".join([done.stopped, kept, *rest])
    if not done.needs_person:
        return RetriableError(
            words, hint="Nothing is lost; the next try, or the next tick_outbox, goes on here."
        )
    return FatalError(
        words,
        hint=f"{done.remedy}\n`python -m customer_health doctor` tells what else {done.destination} lacks, "
        "and writes nothing.\nThen clear this task, or wait for the next tick_outbox.",
    )


def _tell_of_refusals(settings: Settings, ledger: Engine, done: DeliveryCounts, now: datetime) -> None:
    """Tell the data team what a destination refused: the task stays green, since the others went on."""
    from customer_health.playbooks.operator_notices import Notice, tell_data_team

    if not done.rejected:
        return
    notice = Notice(
        topic=f"refused:{done.destination}",
        cycle=f"day-{now.date()}",
        title=f"{done.destination} refused what was promised to it",
        lines=done.refusals,
        remedy="Every one is on the page Health, Actions, with the remote's own words and what to do; when "
        "the cause is fixed, resend it there with a reason.",
    )
    tell_data_team(ledger, settings.config, [notice], now=now)


def examine_destinations(settings: Settings) -> Result:
    """Ask every destination whether we can work there: login, scopes, fields, channels. Writes nothing."""
    from customer_health.destinations.doctor import examine
    from customer_health.playbooks.playbook import load_playbooks
    from customer_health.playbooks.steps import Notify

    rules = settings.config.playbooks
    steps = [step for playbook in load_playbooks(settings.config) for step in playbook.steps]
    channels = {step.channel for step in steps if isinstance(step, Notify)}
    channels |= {route.channel for route in rules.routes}
    problems = examine(settings, channels=tuple(sorted(channels)))
    said = tuple(line for problem in problems for line in str(problem).splitlines())
    return Result("Doctor", {"problems": len(problems)}, said or ("Every destination is ready.",))


def report_due(settings: Settings, *, as_of: date) -> Result:
    """Say whether the weekly report is due: on Mondays."""
    due = as_of.weekday() == 0
    why = "It is Monday." if due else f"The report comes on Mondays; {as_of} is a {as_of:%A}."
    return Result("Is a report due?", {"due": int(due)}, (why,))


def report_kpis(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Write the KPI report, and judge the renewal forecasts of quarters that have settled."""
    from customer_health.kpis.kpi_report import build_report
    from customer_health.kpis.renewals.forecast_accuracy import keep_renewals
    from customer_health.ledger.engine import open_ledger
    from customer_health.sources.money import company_currency

    progress(0, 0, "computing")
    with open_warehouse(settings.warehouse_url) as con:
        ledger = open_ledger(settings.ledger_url)
        currency = company_currency(con, settings.config.money)
        report = build_report(
            con, ledger, as_of=as_of, folder=settings.reports, config=settings.config, currency=currency
        )
        keep_renewals(
            con,
            ledger,
            as_of=as_of,
            year_starts=settings.config.forecast.fiscal_year_starts,
            share=settings.config.forecast.interval,
            currency=currency,
        )
    return Result("KPI report", report.counts(), tuple(report.lines()), report=report.path)
