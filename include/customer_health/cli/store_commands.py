"""Commands of the people who look after the stores."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from customer_health import pipeline
from customer_health.cli.command_session import session_of, show

PANEL = "Stores"


class LedgerAction(StrEnum):
    """What can be done to the ledger itself."""

    UPGRADE = "upgrade"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (ledger, back_up, restore, retain, heartbeat):
        app.command(rich_help_panel=PANEL)(command)


def ledger(
    context: typer.Context,
    action: LedgerAction,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="do it, show the statements, and undo it")
    ] = False,
) -> None:
    """Bring the ledger of an earlier version up to date."""
    show(pipeline.upgrade_ledger(session_of(context).settings, dry_run=dry_run))


def back_up(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(help="a folder or an fsspec address; the back-up is a folder below it")
    ],
) -> None:
    """Write ledger, warehouse, state, models and reports into a new folder."""
    from customer_health.operations import backup

    session = session_of(context)
    show(backup.back_up(session.settings, target, now=session.now))


def restore(
    context: typer.Context, source: Annotated[str, typer.Argument(help="the folder of one back-up")]
) -> None:
    """Put a back-up into an empty home and an empty ledger."""
    from customer_health.operations import backup

    show(backup.restore(session_of(context).settings, source))


def retain(context: typer.Context) -> None:
    """Remove what the company file's retention no longer keeps."""
    from customer_health.operations import thinning

    session = session_of(context)
    show(thinning.retain(session.settings, now=session.now))


def heartbeat(context: typer.Context) -> None:
    """Call the monitor's address once, as tick_outbox does every hour."""
    from customer_health.operations.heartbeat import beat

    session = session_of(context)
    show(beat(session.settings, now=session.now))
