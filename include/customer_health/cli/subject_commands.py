"""Commands that hand out or erase what is kept about one account or one person."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from customer_health.cli.command_session import session_of, show

PANEL = "Stores"


class SubjectKind(StrEnum):
    """Whose data."""

    ACCOUNT = "account"
    PERSON = "person"


Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="an account id; or a contact id, user id or e-mail address")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (export, erase):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def export(
    context: typer.Context,
    kind: SubjectKind,
    identifier: Identifier,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="a new folder")],
) -> None:
    """Write everything that is kept about one account or person into a new folder."""
    from customer_health.operations import erasure

    show(erasure.export(session_of(context).settings, kind.value, identifier, to))


def erase(
    context: typer.Context,
    kind: SubjectKind,
    identifier: Identifier,
    by: Annotated[str, typer.Option("--by", help="who decides; kept on the receipt")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept on the receipt, so name nobody")],
) -> None:
    """Remove one account or person from every store, with a receipt."""
    from customer_health.operations import erasure

    session = session_of(context)
    show(erasure.erase(session.settings, kind.value, identifier, by=by, reason=reason, now=session.now))
