"""What a person decides about a model."""

from __future__ import annotations

from typing import Annotated

import typer

from customer_health import pipeline
from customer_health.cli.command_session import Session, session_of, show

PANEL = "Models"
Model = Annotated[str, typer.Argument(help="the model's id, as the registry and the page show it")]
Decider = Annotated[str, typer.Option(help="who decides; kept in the registry")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (rollback, approve_model, reject_model):
        app.command(rich_help_panel=PANEL)(command)


def rollback(
    context: typer.Context,
    by: Decider,
    reason: Annotated[str, typer.Option(help="why; kept in the registry")],
    to: Annotated[
        str | None, typer.Option(metavar="MODEL", help="default: the champion before the present one")
    ] = None,
) -> None:
    """Return to an earlier champion."""
    session = session_of(context)
    show(pipeline.roll_back(session.settings, by=by, reason=reason, now=session.now, to=to))


def approve_model(context: typer.Context, model: Model, by: Decider) -> None:
    """Approve a model that waits for a person."""
    _resolve(session_of(context), model, by, approve=True)


def reject_model(context: typer.Context, model: Model, by: Decider) -> None:
    """Reject a model that waits for a person."""
    _resolve(session_of(context), model, by, approve=False)


def _resolve(session: Session, model: str, by: str, *, approve: bool) -> None:
    show(
        pipeline.resolve_challenger(
            session.settings,
            model_id=model,
            approve=approve,
            by=by,
            now=session.now,
            approvers=session.settings.config.playbooks.approver_names,
        )
    )
