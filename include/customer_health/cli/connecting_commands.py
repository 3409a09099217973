"""What connects us with a company's own tools: drafts, trials, the doctor, and the pages about them."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from customer_health import pipeline
from customer_health.cli.command_session import EXIT_FAILED, progress_bar, session_of, show

PANEL = "Sources and destinations"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (draft_mapping, try_source, doctor, slack_buttons, docs):
        app.command(rich_help_panel=PANEL)(command)


def draft_mapping(
    folder: Path,
    output: Annotated[Path | None, typer.Option(help="write here instead of printing")] = None,
) -> None:
    """Look at a folder of files and draft a mapping for it."""
    from customer_health.sources import draft

    with progress_bar("Draft a mapping") as progress:
        text = draft.draft_mapping(folder, progress=progress)
    if output:
        output.write_text(text, encoding="utf-8")
        print(f"Wrote {output}. Read it, fix the lines marked TODO, then run the demo with it.")
    else:
        print(text)


def try_source(
    context: typer.Context,
    file: Path,
    pages: Annotated[int, typer.Option(help="pages of each resource; of exports as many days")] = 1,
) -> None:
    """Ask a vendor file for a few pages and show what they mean."""
    session = session_of(context)
    show(pipeline.try_source(session.settings, file, as_of=session.now.date(), pages=pages))


def doctor(context: typer.Context) -> int:
    """Ask the ledger, every source and every destination whether we can work there; writes nothing."""
    from customer_health.operations.ledger_check import examine_ledger

    session = session_of(context)
    found = [examine_ledger(session.settings.ledger_url), pipeline.examine_destinations(session.settings)]
    if session.settings.config.sources:
        found.append(pipeline.examine_sources(session.settings, as_of=session.now.date()))
    if session.settings.storage:
        from customer_health.operations.storage_check import examine_storage

        found.append(examine_storage(session.settings))
    for result in found:
        show(result)
    if not session.settings.heartbeat:
        from customer_health.operations.heartbeat import UNWATCHED

        print(UNWATCHED)
    return EXIT_FAILED if any(result.counts()["problems"] for result in found) else 0


def slack_buttons(context: typer.Context) -> None:
    """Answer the buttons of Slack's messages until stopped."""
    settings = session_of(context).settings
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print("Listening to Slack's buttons; Ctrl-C ends it.", flush=True)
    # It listens for days, so the instant of the session would not do.
    show(
        pipeline.serve_buttons(
            settings, now=lambda: pipeline.now_of(settings, datetime.now(tz=UTC)), stop=stop
        )
    )


def docs(folder: Annotated[Path, typer.Option(help="where they are kept")] = Path("docs")) -> None:
    """Regenerate the documents that are derived from declarations."""
    from customer_health.company_docs import write_company_page
    from customer_health.destinations.destination_docs import write_destinations_page
    from customer_health.playbooks.playbook_docs import write_playbooks_page
    from customer_health.signals.signal_docs import render
    from customer_health.sources.asking.vendor_docs import write_sources_page
    from customer_health.warehouse.contract_docs import write_contracts_page

    signals = folder / "signals.md"
    signals.write_text(render(), encoding="utf-8")
    print(f"Wrote {signals} and {write_contracts_page(folder)}")
    print(f"Wrote {write_playbooks_page(folder)}, {write_sources_page(folder)}", end=" ")
    print(f"{write_destinations_page(folder)} and {write_company_page(folder)}")
