"""The command line: every step without Airflow, the same functions with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from customer_health.cli import (
    assistant_commands,
    chain_commands,
    connecting_commands,
    judgement_commands,
    model_commands,
    people_commands,
    renewal_commands,
    store_commands,
    subject_commands,
)
from customer_health.cli.command_session import EXIT_REFUSED, Session, report_failure
from customer_health.errors import CustomerHealthError
from customer_health.store_faults import of_disk

NAME = "python -m customer_health"
STOPPED = 130  # what a shell returns for Ctrl-C

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def open_session(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="folder of warehouse, ledger, models and previews")
    ] = None,
) -> None:
    """Run any step of the chain without Airflow."""
    context.obj = Session(home)


for commands in (
    chain_commands,
    people_commands,
    judgement_commands,
    renewal_commands,
    assistant_commands,
    model_commands,
    store_commands,
    subject_commands,
    connecting_commands,
):
    commands.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 failed, 2 refused, 75 try again later."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return app(given, prog_name=NAME, standalone_mode=False) or 0
    except typer.TyperException as error:
        print(f"error: {error.format_message()}\n  -> See: {NAME} --help", file=sys.stderr)
        return EXIT_REFUSED
    except CustomerHealthError as error:
        return report_failure(error)
    except OSError as error:
        known = of_disk(error)
        if known is None:
            raise
        return report_failure(known)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        return STOPPED
