"""The steps of the chain, one command each, and the whole chain in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Annotated

import typer

from customer_health import pipeline
from customer_health.cli.command_session import AsOf, Session, Since, report_failure, session_of
from customer_health.errors import ConfigurationError, CustomerHealthError, suggest

Step = Callable[..., pipeline.Result]
PANEL = "Steps of the chain"
OnlyThis = Annotated[str | None, typer.Option("--destination", help="only this one; default: all")]

# Each takes the session and its days (the last is the as-of date) and returns a function of `progress`.
STEPS: Mapping[str, tuple[str, Callable[[Session, list[date]], Step]]] = {
    "ingest": (
        "Load what the sources know before a date.",
        lambda s, days: partial(pipeline.ingest, s.settings, as_of=days[-1]),
    ),
    "gate": (
        "Hold the raw tables against their contracts.",
        lambda s, days: partial(pipeline.check_quality, s.settings, as_of=days[-1], now=s.now),
    ),
    "texts": (
        "Read what customers wrote: sentiment, reasons, intents.",
        lambda s, days: partial(pipeline.read_texts, s.settings, as_of=days[-1]),
    ),
    "ask-texts": (
        "Let the configured text provider read what waits.",
        lambda s, days: partial(pipeline.ask_text_provider, s.settings, as_of=days[-1], now=s.now),
    ),
    "signals": (
        "Compute the signals of one date, or of a range in one pass.",
        lambda s, days: partial(pipeline.build_signals, s.settings, as_of_dates=days),
    ),
    "train": (
        "Train walk-forward and register the champion, or the rules and why.",
        lambda s, days: partial(pipeline.train_model, s.settings, as_of=days[-1], now=s.now),
    ),
    "score": (
        "Score every account and publish.",
        lambda s, days: partial(pipeline.score_accounts, s.settings, as_of=days[-1], now=s.now),
    ),
    "playbooks": (
        "Open episodes and promise effects.",
        lambda s, days: partial(pipeline.run_playbooks, s.settings, as_of=days[-1], now=s.now),
    ),
    "responses": (
        "Collect what people did with our messages: reactions in Slack.",
        lambda s, days: partial(pipeline.collect_responses, s.settings, now=s.now),
    ),
    "kpis": (
        "Retention, save rate, time to intervention.",
        lambda s, days: partial(pipeline.report_kpis, s.settings, as_of=days[-1], now=s.now),
    ),
    "scoreboard": (
        "Grade every published prediction that has matured.",
        lambda s, days: partial(pipeline.watch_model, s.settings, as_of=days[-1]),
    ),
    "value-of-data": (
        "What each source, concept and signal is worth to the model.",
        lambda s, days: partial(pipeline.value_of_data, s.settings, as_of=days[-1]),
    ),
}
RANGES = ("signals",)  # the steps that take several days in one pass


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for name, (doc, _) in STEPS.items():
        app.command(name, help=doc, rich_help_panel=PANEL)(
            _range_of(name) if name in RANGES else _day_of(name)
        )
    for command in (deliver, audit, run, summary):
        app.command(rich_help_panel=PANEL)(command)


def _day_of(name: str) -> Callable[..., None]:
    def command(context: typer.Context, as_of: AsOf = None) -> None:
        session = session_of(context)
        session.run(name, STEPS[name][1](session, _days(session, as_of)))

    return command


def _range_of(name: str) -> Callable[..., None]:
    def command(context: typer.Context, as_of: AsOf = None, since: Since = None) -> None:
        session = session_of(context)
        session.run(name, STEPS[name][1](session, _days(session, as_of, since)))

    return command


def deliver(context: typer.Context, destination: OnlyThis = None, as_of: AsOf = None) -> int:
    """Fulfil the outbox."""
    session = session_of(context)
    return _each(session, _deliveries(session, destination))


def audit(context: typer.Context, destination: OnlyThis = None, as_of: AsOf = None) -> int:
    """Count what landed twice at its destination, after a lost answer."""
    session = session_of(context)
    settings = session.settings
    return _each(
        session,
        (
            (f"audit {name}", partial(pipeline.audit_deliveries, settings, destination=name, now=session.now))
            for name in _destinations(session, destination)
        ),
    )


def run(context: typer.Context, as_of: AsOf = None, since: Since = None) -> int:
    """The whole chain, in order.

    Ingestion and signals take the whole range in one pass; scores and episodes follow day by day, because
    each day's transitions depend on the day before.
    """
    session = session_of(context)
    days = _days(session, as_of, since)
    for name in ("ingest", "gate", "texts", "ask-texts", "signals"):
        session.run(name, STEPS[name][1](session, days))
    session.run(
        "champion", partial(pipeline.ensure_champion, session.settings, as_of=days[0], now=session.now)
    )
    # Before anybody is reminded.
    failed = _each(session, [("responses", STEPS["responses"][1](session, days))])
    for day in days:
        for name in ("score", "playbooks"):
            session.run(f"{name} {day}", STEPS[name][1](session, [day]))
    failed = _each(session, _deliveries(session, None)) or failed
    session.run("kpis", STEPS["kpis"][1](session, days))
    return failed


def summary(context: typer.Context, as_of: AsOf = None) -> None:
    """What the last run means, on one screen."""
    from customer_health.cli.run_summary import demo_summary

    session = session_of(context)
    print(demo_summary(session.settings, as_of=as_of or session.now.date()))


def _days(session: Session, as_of: date | None, since: date | None = None) -> list[date]:
    return pipeline.days_between(since, as_of or session.now.date())


def _destinations(session: Session, wanted: str | None) -> list[str]:
    roles = pipeline.destinations(session.settings)
    if wanted and wanted not in roles:
        raise ConfigurationError(f"There is no destination '{wanted}'.", hint=suggest(wanted, roles))
    return [wanted] if wanted else list(roles)


def _deliveries(session: Session, wanted: str | None) -> Iterator[tuple[str, Step]]:
    for name in _destinations(session, wanted):
        yield (
            f"deliver to {name}",
            partial(pipeline.deliver_effects, session.settings, destination=name, now=session.now),
        )


def _each(session: Session, steps: Iterator[tuple[str, Step]] | list[tuple[str, Step]]) -> int:
    """Run steps of which one may fail without the others: a channel that is down stops nobody else."""
    code = 0
    for title, step in steps:
        try:
            session.run(title, step)
        except CustomerHealthError as error:
            code = code or report_failure(error)
    return code
