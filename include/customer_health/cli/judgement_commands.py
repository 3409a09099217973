"""What people say of scores, and what they ask about them before they say it."""

from __future__ import annotations

import csv
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from customer_health.cli.command_session import AsOf, By, Reason, Session, parse_day, session_of, show
from customer_health.pipeline import Result

PANEL = "Scores in people's hands"
Account = Annotated[str, typer.Argument(help="the account's id, as the page shows it")]
_EXPORTED = (
    *("account_id", "tier", "reason", "owner", "at", "expires_on", "ended_at", "ended_by", "end_reason"),
    *("model_as_of", "model_score", "model_tier", "model_id"),
)


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (
        override, end_override, overrides, pulse, disagreements, replay, what_if, cut_points,
    ):  # fmt: skip
        app.command(rich_help_panel=PANEL)(command)


def override(
    context: typer.Context,
    account: Account,
    tier: Annotated[str, typer.Argument(help="what the account is in your eyes")],
    by: By,
    reason: Reason,
    until: Annotated[date, typer.Option(parser=parse_day, metavar="DATE", help="its last day")],
) -> None:
    """Say beside the score that an account is in another tier; the score stays what it is."""
    from customer_health.ledger import overrides as kept
    from customer_health.scoring.tiers import scheme_named

    session = session_of(context)
    tiers = scheme_named(session.settings.config.score.scheme).names
    kept.put(
        _ledger(session), account, tier=tier, tiers=tiers, reason=reason, owner=by, expires_on=until,
        now=session.now,
    )  # fmt: skip
    _say("Override", f"{account} counts as {tier} for {by} until {until}; its score is unchanged.")


def end_override(context: typer.Context, account: Account, by: By, reason: Reason) -> None:
    """End the override of an account."""
    from customer_health.ledger import overrides as kept

    session = session_of(context)
    ended = kept.end(_ledger(session), account, by=by, reason=reason, now=session.now)
    _say("End override", f"{account}: the override has ended." if ended else f"{account} had none.")


def overrides(context: typer.Context) -> None:
    """Export every override that was ever set, with what the model said, as CSV: labelled disagreements."""
    from customer_health.ledger import overrides as kept

    writer = csv.DictWriter(sys.stdout, _EXPORTED, extrasaction="ignore")
    writer.writeheader()
    for row in kept.history(_ledger(session_of(context))):
        writer.writerow({name: _cell(row[name]) for name in _EXPORTED})


def pulse(
    context: typer.Context,
    account: Account,
    value: Annotated[int, typer.Argument(min=1, max=5, help="1 lost ... 5 delighted")],
    by: By,
    note: Annotated[str, typer.Option(help="what it rests on")] = "",
) -> None:
    """Say how you feel about a customer."""
    from customer_health.ledger import pulses

    session = session_of(context)
    pulses.record(_ledger(session), account, value, by=by, note=note, now=session.now)
    _say("Pulse", f"{account}: {value} of 5 ({by}).")


def disagreements(context: typer.Context, as_of: AsOf = None) -> None:
    """Accounts of which the score, the CSM and the money tell opposite stories, the largest ARR first."""
    from customer_health.kpis.disagreements import disagreements as find

    session = session_of(context)
    found = find(_ledger(session), as_of or session.now.date())
    _say("Disagreements", *(tuple(one.line() for one in found) or ("Nobody disagrees.",)))


def replay(
    context: typer.Context,
    account: Account,
    day: Annotated[date, typer.Argument(parser=parse_day, metavar="DATE", help="a published day")],
) -> None:
    """Compute a published score again, bit for bit, or name what differs."""
    from customer_health.pipeline.score_questions import replay as again

    result = again(session_of(context).settings, account=account, as_of=day)
    show(result)
    if not result.counts()["equal"]:
        raise typer.Exit(1)


def what_if(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="the other company file")],
    as_of: AsOf = None,
) -> None:
    """Who would change tier, and which open tasks would lose their reason, under another company file."""
    from customer_health.pipeline.what_if import what_if as ask

    session = session_of(context)
    show(ask(session.settings, config=config, as_of=as_of or session.now.date()))


def cut_points(
    context: typer.Context,
    calls: Annotated[int, typer.Option(help="calls a week that the whole team can make")],
    weeks: Annotated[int, typer.Option(help="in which everybody below the cut is called once")] = 1,
    as_of: AsOf = None,
) -> None:
    """Where to draw the line if this many calls are possible, and what that leaves out."""
    from customer_health.kpis.call_capacity import cut_for
    from customer_health.ledger import scores

    session = session_of(context)
    rows = scores.of(_ledger(session), as_of or session.now.date())
    _say("Cut-points", *cut_for(rows, calls_a_week=calls, weeks=weeks).lines())


def _cell(value: object) -> object:
    """A cell of a CSV that a spreadsheet must not take for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _say(title: str, *sentences: str) -> None:
    show(Result(title, {}, sentences))


def _ledger(session: Session) -> Engine:
    from customer_health.ledger.engine import open_ledger

    return open_ledger(session.settings.ledger_url)
