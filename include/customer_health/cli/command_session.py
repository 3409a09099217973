"""What every command of one run shares: the home, its settings, one instant, and how results are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from customer_health.errors import ConfigurationError, CustomerHealthError, RetriableError
from customer_health.settings import Settings, load_settings

if TYPE_CHECKING:
    from customer_health.pipeline import Result
    from customer_health.progress import Progress

# Exit codes: sysexits' EX_TEMPFAIL tells a scheduler that trying again may help.
EXIT_REFUSED, EXIT_FAILED, EXIT_TRY_AGAIN = 2, 1, 75


def parse_day(text: str) -> date:
    """Return the date that was typed, or refuse it in the command line's own words."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a date; write it as 2026-01-31") from None


AsOf = Annotated[
    date | None, typer.Option("--as-of", parser=parse_day, metavar="DATE", help="default: today in UTC")
]
Since = Annotated[
    date | None,
    typer.Option(parser=parse_day, metavar="DATE", help="first day of a range that ends at --as-of"),
]
By = Annotated[str, typer.Option(help="who decides; kept with the decision")]
Reason = Annotated[str, typer.Option(help="why; kept with the decision")]


@dataclass
class Session:
    """One run of the command line. Nothing is read from disk before a command asks for it."""

    home: Path | None = None

    @cached_property
    def settings(self) -> Settings:
        return load_settings(home=self.home)

    @cached_property
    def now(self) -> datetime:
        """The command line is an edge: here, and in the operators, a clock is read and handed inwards."""
        from customer_health import pipeline

        return pipeline.now_of(self.settings, datetime.now(tz=UTC))

    def run(self, title: str, step: Callable[..., Result]) -> Result:
        """Run one step, a function that takes `progress`, under a progress bar, and print its result."""
        with progress_bar(title) as bar:
            result = step(progress=bar)
        show(result)
        return result


def session_of(context: typer.Context) -> Session:
    """Return the session that this command belongs to."""
    session = context.find_object(Session)
    assert session is not None  # the app's own callback creates it before any command
    return session


def show(result: Result) -> None:
    """Print what a step did."""
    print(f"\n{result.title}")
    for line in result.lines():
        print(f"  {line}")
    if result.report:
        print(f"  report: {result.report}")


def report_failure(error: CustomerHealthError) -> int:
    """Say what happened and what to do, and return the exit code that stands for it."""
    print(f"error: {error}", file=sys.stderr)
    if isinstance(error, RetriableError):
        return EXIT_TRY_AGAIN
    return EXIT_REFUSED if isinstance(error, ConfigurationError) else EXIT_FAILED


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
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

        def advance(done: int, total: int, message: str) -> None:
            bars.update(task, completed=done, total=total or None, description=message)

        yield advance
