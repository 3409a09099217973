"""Let an assistant ask: the MCP server over standard input and output."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from customer_health.cli.command_session import session_of
from customer_health.pipeline import now_of


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("mcp", rich_help_panel="Connecting")(mcp)


def mcp(
    context: typer.Context,
    user: Annotated[
        str, typer.Option(help="who asks, by the name that Airflow knows; decides what is shown")
    ],
) -> None:
    """Answer an assistant's questions about customers over standard input and output (docs/mcp.md)."""
    from customer_health.assistant.assistant_server import assistant_server

    settings = session_of(context).settings
    server = assistant_server(settings, user, now=lambda: now_of(settings, datetime.now(UTC)))
    print(f"Answering {user} on standard input and output; Ctrl-C ends it.", file=sys.stderr)
    server.run("stdio")
