"""Let an assistant ask: the MCP server, and the tokens of those who ask over HTTP."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from customer_health.cli.command_session import Session, session_of, show
from customer_health.errors import ConfigurationError
from customer_health.pipeline import Result, now_of
from customer_health.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("mcp", rich_help_panel="Connecting")(mcp)
    app.command("mcp-token", rich_help_panel="Connecting")(mcp_token)


def mcp(
    context: typer.Context,
    user: Annotated[
        str, typer.Option(help="who asks, by the name that Airflow knows; over HTTP the token says so")
    ] = "",
    http: Annotated[bool, typer.Option("--http", help="listen on a port for everybody with a token")] = False,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 8765,
    public_url: Annotated[str, typer.Option(help="URL of the proxy with TLS that stands in front")] = "",
) -> None:
    """Answer an assistant's questions about customers, over standard input and output or HTTP."""
    session = session_of(context)
    if http:
        _listen(session, user, host, port, public_url)
        return
    from customer_health.assistant.assistant_server import assistant_server

    server = assistant_server(session.settings, user, now=lambda: _now(session))
    print(f"Answering {user} on standard input and output; Ctrl-C ends it.", file=sys.stderr)
    server.run("stdio")


def mcp_token(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="whose token, by the name that Airflow knows")],
) -> None:
    """Make a token with which a person asks the MCP server over HTTP; it is shown once and kept nowhere."""
    from customer_health.assistant.assistant_http import new_token
    from customer_health.assistant.assistant_person import person_of

    person_of(session_of(context).settings, user)  # refuses a name of whom nothing could be shown
    token, digest = new_token()
    show(
        Result(
            "MCP token",
            {},
            (
                f"For {user}, shown this once: {token}",
                f"In the company file: assistant: {{tokens: {{{json.dumps(user)}: {digest}}}}}",
                "Taking the line out ends the token at once.",
            ),
        )
    )


def _listen(session: Session, user: str, host: str, port: int, public_url: str) -> None:
    import uvicorn

    from customer_health.assistant.assistant_http import http_app

    if user:
        raise ConfigurationError("Over HTTP the token says who asks.", hint="Leave --user out.")
    address = f"http://{host}:{port}"
    app = http_app(
        lambda: load_settings(home=session.home),
        now=lambda: _now(session),
        address=address,
        public=public_url,
    )
    print(f"Answering everybody with a token on {address}/mcp; Ctrl-C ends it.", file=sys.stderr)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def _now(session: Session) -> datetime:
    return now_of(session.settings, datetime.now(UTC))
