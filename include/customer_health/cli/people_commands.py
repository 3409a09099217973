"""What a person does with the outbox and with episodes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import Engine

from customer_health import pipeline
from customer_health.cli.command_session import By, Reason, Session, parse_day, session_of, show

PANEL = "People's decisions"


class Outcome(StrEnum):
    """What became of an episode: the ledger's own words."""

    SAVED = "saved"
    PARTLY = "partly"
    LOST = "lost"
    FALSE_ALARM = "false_alarm"
    NOT_ACTIONABLE = "not_actionable"


class Switch(StrEnum):
    """What can be stopped at once."""

    PLAYBOOK = "playbook"
    DESTINATION = "destination"


Key = Annotated[str, typer.Argument(help="the effect's key, as `awaiting` and the page show it")]
Episode = Annotated[str, typer.Argument(help="the episode's id, as the page and the message show it")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app; every one that changes something asks who and why."""
    for command in (
        awaiting, approve, decline, resend, ack, snooze, outcome, stop, start, switches, follow_up,
    ):  # fmt: skip
        app.command(rich_help_panel=PANEL)(command)


def awaiting(context: typer.Context) -> None:
    """List what is waiting for approval."""
    from customer_health.ledger.outbox import admin

    rows = admin.awaiting(_ledger(session_of(context)))
    said = tuple(
        f"{row['key']}  {row['playbook']}/{row['step']}  {row['account_id']}  "
        f"until {row['expires_at']:%a %d %b %H:%M} UTC: {row['payload'].get('approval_asks', '')}"
        for row in rows
    )
    _say("Awaiting", *(said or ("Nothing waits for approval.",)))


def approve(context: typer.Context, key: Key, by: By, reason: Reason) -> None:
    """Approve an effect that is waiting, so that it may be sent."""
    from customer_health.ledger.outbox import admin

    session = session_of(context)
    approvers = session.settings.config.playbooks.approver_names
    admin.approve(_ledger(session), key, by=by, reason=reason, now=session.now, approvers=approvers)
    _say("Approve", f"{key}: it leaves with the next dispatch.")


def decline(context: typer.Context, key: Key, by: By, reason: Reason) -> None:
    """Decline an effect that is waiting, for good."""
    from customer_health.ledger.outbox import admin

    session = session_of(context)
    approvers = session.settings.config.playbooks.approver_names
    admin.decline(_ledger(session), key, by=by, reason=reason, now=session.now, approvers=approvers)
    _say("Decline", f"{key}: it never leaves.")


def resend(context: typer.Context, key: Key, by: By, reason: Reason) -> None:
    """Send a delivered or refused effect once more."""
    from customer_health.ledger.outbox import admin

    session = session_of(context)
    admin.resend(_ledger(session), key, f"{by}: {reason}", now=session.now)
    _say("Resend", f"{key} leaves once more with the next dispatch.")


def ack(context: typer.Context, episode: Episode, by: By) -> None:
    """Say that somebody is working on an episode."""
    from customer_health.ledger import episode_events

    session = session_of(context)
    first = episode_events.acknowledge(_ledger(session), episode, by=by, now=session.now)
    _say("Ack", f"{by} is on it." if first else "Somebody said so before.")


def snooze(
    context: typer.Context,
    episode: Episode,
    until: Annotated[date, typer.Option(parser=parse_day, metavar="DATE")],
    by: By,
    reason: Reason,
) -> None:
    """Let an episode rest until a day."""
    from customer_health.ledger import episode_events

    session = session_of(context)
    episode_events.snooze(_ledger(session), episode, until=until, by=by, reason=reason, now=session.now)
    _say("Snooze", f"{episode} rests until {until}.")


def outcome(context: typer.Context, episode: Episode, outcome: Outcome, by: By, reason: Reason) -> None:
    """Record what became of an episode."""
    from customer_health.ledger import episode_events

    session = session_of(context)
    episode_events.record_outcome(
        _ledger(session), episode, outcome.value, by=by, reason=reason, now=session.now
    )
    _say("Outcome", f"{episode}: {outcome.replace('_', ' ')}.")


def stop(context: typer.Context, kind: Switch, name: str, by: By, reason: Reason) -> None:
    """Stop a playbook or a destination at once."""
    from customer_health.ledger import kill_switches

    session = session_of(context)
    kill_switches.stop(_ledger(session), kind.value, name, by=by, reason=reason, now=session.now)
    _say("Stop", f"The {kind} {name} is stopped; nothing of it is lost.")


def start(context: typer.Context, kind: Switch, name: str) -> None:
    """Let a stopped playbook or destination run again."""
    from customer_health.ledger import kill_switches

    was = kill_switches.start(_ledger(session_of(context)), kind.value, name)
    _say("Start", f"The {kind} {name} runs{'' if was else '; it was not stopped'}.")


def switches(context: typer.Context) -> None:
    """What is stopped, by whom and why."""
    from customer_health.ledger import kill_switches

    rows = kill_switches.all_of(_ledger(session_of(context)))
    said = (f"{r['kind']} {r['name']}: {r['reason']} ({r['by']}, {r['at']:%Y-%m-%d %H:%M})" for r in rows)
    _say("Switches", *(tuple(said) or ("Nothing is stopped.",)))


def follow_up(context: typer.Context) -> None:
    """Promise the reminders and escalations that have become due."""
    session = session_of(context)
    show(pipeline.follow_up(session.settings, now=session.now))


def _ledger(session: Session) -> Engine:
    from customer_health.ledger.engine import open_ledger

    return open_ledger(session.settings.ledger_url)


def _say(title: str, *sentences: str) -> None:
    show(pipeline.Result(title, sentences=sentences))
