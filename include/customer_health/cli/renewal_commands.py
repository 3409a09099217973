"""What a person reads and says about renewals."""

from __future__ import annotations

from typing import Annotated

import typer

from customer_health.cli.command_session import By, Reason, Session, session_of, show
from customer_health.errors import ConfigurationError
from customer_health.pipeline import Result
from customer_health.wording import money, percent

PANEL = "People's decisions"
Retained = Annotated[float | None, typer.Option(help="ARR after the renewal, a year; default: all of it")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (renewals, call, call_quarter):
        app.command(rich_help_panel=PANEL)(command)


def renewals(context: typer.Context) -> None:
    """What the next four quarters' renewals will bring."""
    from customer_health.kpis.renewals.calling import newest_forecast
    from customer_health.kpis.renewals.retained_interval import LEAVES_OUT
    from customer_health.ledger.engine import open_ledger

    session = session_of(context)
    engine = open_ledger(session.settings.ledger_url)
    found = newest_forecast(engine, session.settings.config, now=session.now)
    said = []
    for line in found.quarters:
        unknown = "at least " if line.arr_unknown else ""
        words = f"{line.name}: {line.renewals:,} renewals, ARR {unknown}{money(line.arr, found.currency)}"
        if line.expected is not None:
            low, high = money(line.low, found.currency), money(line.high, found.currency)
            words += f"; {money(line.expected, found.currency)} expected to stay ({low} to {high})"
        if line.unpredicted:
            words += f"; {money(line.unpredicted_arr, found.currency)} that nothing predicts"
        if line.csm_calls or line.final_calls:
            words += f"; with calls {money(line.with_calls, found.currency)}"
        if line.final is not None:
            words += f"; final call {money(line.final.retained_arr, line.final.currency)} by {line.final.by}"
        said.append(f"{words}.")
    said.append(f"Intervals should hold in {percent(found.share)} of all cases. {LEAVES_OUT}")
    show(Result(f"Renewals as of {found.as_of}", sentences=tuple(said)))


def call(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="the account's id")],
    by: By,
    reason: Reason,
    retained: Retained = None,
    leaves: Annotated[bool, typer.Option("--leaves", help="the customer leaves: nothing stays")] = False,
    final: Annotated[bool, typer.Option("--final", help="the lead's final call, not the CSM's")] = False,
) -> None:
    """Say what an account's next renewal will bring."""
    from customer_health.kpis.renewals.calling import call_account
    from customer_health.ledger.engine import open_ledger

    if leaves and retained:
        raise ConfigurationError("--leaves and --retained contradict each other.", hint="Give one of them.")
    session: Session = session_of(context)
    made = call_account(
        open_ledger(session.settings.ledger_url),
        session.settings.config,
        account,
        retained=0.0 if leaves else retained,
        final=final,
        by=by,
        note=reason,
        now=session.now,
    )
    show(
        Result(
            "Call",
            sentences=(
                f"{account} in {made.quarter}: {money(made.retained_arr, made.currency)} stays, says {by}.",
            ),
        )
    )


def call_quarter(
    context: typer.Context,
    quarter: Annotated[str, typer.Argument(help="such as 2027-Q1, as `renewals` names it")],
    retained: Annotated[float, typer.Option(help="ARR that stays of the whole quarter, a year")],
    by: By,
    reason: Reason,
) -> None:
    """Make the lead's final call about a whole quarter."""
    from customer_health.kpis.renewals.calling import call_quarter as make
    from customer_health.ledger.engine import open_ledger

    session = session_of(context)
    engine = open_ledger(session.settings.ledger_url)
    made = make(
        engine, session.settings.config, quarter, retained=retained, by=by, note=reason, now=session.now
    )
    amount = money(made.retained_arr, made.currency)
    show(Result("Final call", sentences=(f"{made.quarter}: {amount} stays, says {by}.",)))
