"""The command line: every step without Airflow, the same functions with a progress bar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from customer_health.cli import store_actions, user_actions
from customer_health.errors import ConfigurationError, CustomerHealthError, RetriableError, suggest
from customer_health.settings import Settings, load_settings

if TYPE_CHECKING:
    from customer_health.pipeline import Result
    from customer_health.progress import Progress

# Exit codes: sysexits' EX_TEMPFAIL tells a scheduler that trying again may help.
EXIT_REFUSED, EXIT_FAILED, EXIT_TRY_AGAIN = 2, 1, 75
DELIVER, AUDIT, RESPONSES = "deliver to ", "audit ", "responses"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message[0].upper() + message[1:] + ".", hint=f"See: {self.prog} --help")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date; write it as 2026-01-31") from None


def _parser(commands: Sequence[str]) -> _Parser:
    parser = _Parser(
        prog="python -m customer_health",
        description="Run any step of the chain without Airflow.",
    )
    parser.add_argument("--home", type=Path, help="folder of warehouse, ledger, models and previews")
    add = parser.add_subparsers(dest="command", metavar="command", required=True).add_parser

    def step(name: str, doc: str) -> argparse.ArgumentParser:
        command = add(name, help=doc, description=doc)
        command.add_argument("--as-of", type=_day, metavar="DATE", help="default: today in UTC")
        return command

    step("ingest", "Load what the sources know before a date")
    step("gate", "Hold the raw tables against their contracts")
    step("texts", "Read what customers wrote: sentiment, reasons, intents")
    step("ask-texts", "Let the configured text provider read what waits")
    signals = step("signals", "Compute the signals of one date, or of a range in one pass")
    signals.add_argument(
        "--since", type=_day, metavar="DATE", help="first day of a range that ends at --as-of"
    )
    step("train", "Train walk-forward and register the champion, or the rules and why")
    step("score", "Score every account and publish")
    step("playbooks", "Open episodes and promise effects")
    step("responses", "Collect what people did with our messages: reactions in Slack")
    deliver = step("deliver", "Fulfil the outbox")
    deliver.add_argument("--destination", help="only this one; default: all")
    check = step("audit", "Count what landed twice at its destination, after a lost answer")
    check.add_argument("--destination", help="only this one; default: all")
    step("kpis", "Retention, save rate, time to intervention")
    run = step("run", "The whole chain, in order")
    run.add_argument("--since", type=_day, metavar="DATE", help="first day of a range that ends at --as-of")
    step("summary", "What the last run means, in one screen")
    step("scoreboard", "Grade every published prediction that has matured")
    step("value-of-data", "What each source, concept and signal is worth to the model")
    add("slack-buttons", help="Answer the buttons of Slack's messages until stopped")
    ledger = add("ledger", help="Bring the ledger of an earlier version up to date")
    ledger.add_argument("action", choices=["upgrade"])
    ledger.add_argument("--dry-run", action="store_true", help="do it, show the statements, and undo it")
    add("doctor", help="Ask every source and destination whether we can work there; writes nothing")
    trial = add("try-source", help="Ask a vendor file for a few pages and show what they mean")
    trial.add_argument("file", type=Path)
    trial.add_argument("--pages", type=int, default=1, help="pages of each resource; of exports as many days")
    rollback = add("rollback", help="Return to an earlier champion")
    rollback.add_argument("--to", metavar="MODEL", help="default: the champion before the present one")
    rollback.add_argument("--by", required=True, help="who decides; kept in the registry")
    rollback.add_argument("--reason", required=True, help="why; kept in the registry")
    for verb in ("approve", "reject"):
        judge = add(f"{verb}-model", help=f"{verb.capitalize()} a model that waits for a person")
        judge.add_argument("model")
        judge.add_argument("--by", required=True, help="who decides; kept in the registry")
    user_actions.register(add)
    store_actions.register(add)
    draft = add("draft-mapping", help="Look at a folder of files and draft a mapping for it")
    draft.add_argument("folder", type=Path)
    draft.add_argument("--output", type=Path, help="write here instead of printing")
    docs = add("docs", help="Regenerate the documents that are derived from declarations")
    docs.add_argument("--folder", type=Path, default=Path("docs"))
    return parser


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """Show one progress bar on standard error while a step works."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("[bold]{task.fields[title]}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", title=title, total=None)

        def show(done: int, total: int, message: str) -> None:
            bars.update(task, completed=done, total=total or None, description=message)

        yield show


def _tell(result: Result) -> None:
    print(f"\n{result.title}")
    for line in result.lines():
        print(f"  {line}")
    if result.report:
        print(f"  report: {result.report}")


def _steps(
    settings: Settings, arguments: argparse.Namespace, now: datetime
) -> Iterator[tuple[str, Callable[..., Result]]]:
    """Yield the steps that a command stands for: a title, and a function that takes `progress`."""
    from customer_health import pipeline

    as_of: date = arguments.as_of or now.date()
    days = pipeline.days_between(getattr(arguments, "since", None), as_of)
    roles = pipeline.destinations(settings)
    wanted = [name for name in roles if name == (getattr(arguments, "destination", None) or name)]
    if not wanted:
        raise ConfigurationError(
            f"There is no destination '{arguments.destination}'.", hint=suggest(arguments.destination, roles)
        )
    deliveries = [
        (f"{DELIVER}{name}", partial(pipeline.deliver_effects, settings, destination=name, now=now))
        for name in wanted
    ]
    single: dict[str, Callable[..., Result]] = {
        "ingest": partial(pipeline.ingest, settings, as_of=as_of),
        "gate": partial(pipeline.check_quality, settings, as_of=as_of, now=now),
        "texts": partial(pipeline.read_texts, settings, as_of=as_of),
        "ask-texts": partial(pipeline.ask_text_provider, settings, as_of=as_of, now=now),
        "signals": partial(pipeline.build_signals, settings, as_of_dates=days),
        "train": partial(pipeline.train_model, settings, as_of=as_of, now=now),
        "score": partial(pipeline.score_accounts, settings, as_of=as_of, now=now),
        "playbooks": partial(pipeline.run_playbooks, settings, as_of=as_of, now=now),
        RESPONSES: partial(pipeline.collect_responses, settings, now=now),
        "kpis": partial(pipeline.report_kpis, settings, as_of=as_of, now=now),
        "scoreboard": partial(pipeline.watch_model, settings, as_of=as_of),
        "value-of-data": partial(pipeline.value_of_data, settings, as_of=as_of),
    }
    if arguments.command == "deliver":
        yield from deliveries
    elif arguments.command == "audit":
        for name in wanted:
            yield f"{AUDIT}{name}", partial(pipeline.audit_deliveries, settings, destination=name, now=now)
    elif arguments.command != "run":
        yield arguments.command, single[arguments.command]
    else:
        # Ingestion and signals take the whole range in one pass; scores and episodes follow day by
        # day, because each day's transitions depend on the day before.
        for name in ("ingest", "gate", "texts", "ask-texts", "signals"):
            yield name, single[name]
        yield "champion", partial(pipeline.ensure_champion, settings, as_of=days[0], now=now)
        yield RESPONSES, single[RESPONSES]  # before anybody is reminded
        for day in days:
            yield f"score {day}", partial(pipeline.score_accounts, settings, as_of=day, now=now)
            yield f"playbooks {day}", partial(pipeline.run_playbooks, settings, as_of=day, now=now)
        yield from deliveries
        yield "kpis", single["kpis"]


def _decide(settings: Settings, arguments: argparse.Namespace, now: datetime) -> Result:
    """Carry out what a person decided about a model."""
    from customer_health import pipeline

    if arguments.command == "rollback":
        return pipeline.roll_back(
            settings, by=arguments.by, reason=arguments.reason, now=now, to=arguments.to
        )
    approve = arguments.command == "approve-model"
    return pipeline.resolve_challenger(
        settings,
        model_id=arguments.model,
        approve=approve,
        by=arguments.by,
        now=now,
        approvers=settings.config.playbooks.approver_names,
    )


def _listen(settings: Settings) -> Result:
    """Answer buttons until the process is told to end."""
    import signal
    from threading import Event

    from customer_health import pipeline

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print("Listening to Slack's buttons; Ctrl-C ends it.", flush=True)
    return pipeline.serve_buttons(
        settings, now=lambda: pipeline.now_of(settings, datetime.now(tz=UTC)), stop=stop
    )


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "draft-mapping":
        from customer_health.sources.draft import draft_mapping

        with _bar("Draft a mapping") as progress:
            text = draft_mapping(arguments.folder, progress=progress)
        if arguments.output:
            arguments.output.write_text(text, encoding="utf-8")
            print(f"Wrote {arguments.output}. Read it, fix the lines marked TODO, then run the demo with it.")
        else:
            print(text)
        return 0
    if arguments.command == "docs":
        from customer_health.playbooks.playbook_docs import write_playbooks_page
        from customer_health.signals.signal_docs import render
        from customer_health.sources.asking.vendor_docs import write_sources_page
        from customer_health.warehouse.contract_docs import write_contracts_page

        signals = arguments.folder / "signals.md"
        signals.write_text(render(), encoding="utf-8")
        print(f"Wrote {signals} and {write_contracts_page(arguments.folder)}")
        print(f"Wrote {write_playbooks_page(arguments.folder)} and {write_sources_page(arguments.folder)}")
        return 0
    from customer_health import pipeline

    settings = load_settings(home=arguments.home)
    # The command line is an edge: here, and in the operators, a clock is read and handed inwards.
    now = pipeline.now_of(settings, datetime.now(tz=UTC))
    if arguments.command == "summary":
        from customer_health.cli.run_summary import demo_summary

        print(demo_summary(settings, as_of=arguments.as_of or now.date()))
        return 0
    if arguments.command in ("rollback", "approve-model", "reject-model"):
        _tell(_decide(settings, arguments, now))
        return 0
    for actions in (user_actions, store_actions):
        if arguments.command in actions.COMMANDS:
            _tell(actions.run(settings, arguments, now))
            return 0
    if arguments.command == "ledger":
        _tell(pipeline.upgrade_ledger(settings, dry_run=arguments.dry_run))
        return 0
    if arguments.command == "slack-buttons":
        _tell(_listen(settings))
        return 0
    if arguments.command == "doctor":
        found = [pipeline.examine_destinations(settings)]
        found += [pipeline.examine_sources(settings, as_of=now.date())] if settings.config.sources else []
        for result in found:
            _tell(result)
        return EXIT_FAILED if any(result.counts()["problems"] for result in found) else 0
    if arguments.command == "try-source":
        _tell(pipeline.try_source(settings, arguments.file, as_of=now.date(), pages=arguments.pages))
        return 0
    code = 0
    for title, step in _steps(settings, arguments, now):
        try:
            with _bar(title) as bar:
                result = step(progress=bar)
        except CustomerHealthError as error:
            if not title.startswith((DELIVER, AUDIT, RESPONSES)):
                raise
            code = code or _failed(error)  # one channel is down; the others still go out
        else:
            _tell(result)
    return code


def _failed(error: CustomerHealthError) -> int:
    """Say what happened and what to do, and return the exit code that stands for it."""
    print(f"error: {error}", file=sys.stderr)
    if isinstance(error, RetriableError):
        return EXIT_TRY_AGAIN
    return EXIT_REFUSED if isinstance(error, ConfigurationError) else EXIT_FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 failed, 2 refused, 75 try again later."""
    try:
        return _run(_parser(()).parse_args(arguments))
    except CustomerHealthError as error:
        return _failed(error)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
