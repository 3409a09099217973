"""What a person does with the outbox and with episodes, from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

from customer_health.pipeline import Result, follow_up

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from customer_health.settings import Settings

OUTCOMES = ("saved", "partly", "lost", "false_alarm", "not_actionable")
COMMANDS = (
    "awaiting",
    "approve",
    "decline",
    "resend",
    "ack",
    "snooze",
    "outcome",
    "stop",
    "start",
    "switches",
    "follow-up",
)


def register(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to the parser; every one that changes something asks who and why."""

    def command(name: str, doc: str, *what: str, reason: bool = True) -> argparse.ArgumentParser:
        parser = add(name, help=doc, description=doc)
        for argument in what:
            parser.add_argument(argument)
        if what:
            parser.add_argument("--by", required=True, help="who decides; kept with the decision")
        if what and reason:
            parser.add_argument("--reason", required=True, help="why; kept with the decision")
        return parser

    command("awaiting", "What waits for approval")
    command("approve", "Let an effect that waits leave the house", "key")
    command("decline", "Refuse an effect that waits, for good", "key")
    command("resend", "Send a delivered or refused effect once more", "key")
    command("ack", "Say that somebody is on an episode", "episode", reason=False)
    snooze = command("snooze", "Let an episode rest until a day", "episode")
    snooze.add_argument("--until", required=True, type=date.fromisoformat, metavar="DATE")
    judge = command("outcome", "Record what became of an episode", "episode")
    judge.add_argument("outcome", choices=OUTCOMES)
    for verb, doc in (("stop", "Stop a playbook or a destination at once"), ("start", "Let it run again")):
        switch = command(verb, doc, reason=verb == "stop")
        switch.add_argument("kind", choices=("playbook", "destination"))
        switch.add_argument("name")
        if verb == "stop":
            switch.add_argument("--by", required=True)
            switch.add_argument("--reason", required=True)
    command("switches", "What is stopped, by whom and why")
    command("follow-up", "Promise the reminders and escalations that have become due")


def run(settings: Settings, arguments: argparse.Namespace, now: datetime) -> Result:
    """Do what one command asks for.

    Raises:
        FatalError: It cannot be done; the hint says what can.
    """
    from customer_health.ledger.engine import open_ledger

    if arguments.command == "follow-up":
        return follow_up(settings, now=now)
    ledger = open_ledger(settings.ledger_url)
    return Result(arguments.command.capitalize(), sentences=_do(ledger, settings, arguments, now))


def _do(ledger: Engine, settings: Settings, given: argparse.Namespace, now: datetime) -> tuple[str, ...]:
    from customer_health.ledger import episode_events, kill_switches
    from customer_health.ledger.outbox import admin

    match given.command:
        case "awaiting":
            return _awaiting(ledger)
        case "approve" | "decline":
            answer = admin.approve if given.command == "approve" else admin.decline
            approvers = settings.config.playbooks.approver_names
            answer(ledger, given.key, by=given.by, reason=given.reason, now=now, approvers=approvers)
            left = "it leaves with the next dispatch" if given.command == "approve" else "it never leaves"
            return (f"{given.key}: {left}.",)
        case "resend":
            admin.resend(ledger, given.key, f"{given.by}: {given.reason}", now=now)
            return (f"{given.key} leaves once more with the next dispatch.",)
        case "ack":
            first = episode_events.acknowledge(ledger, given.episode, by=given.by, now=now)
            return (f"{given.by} is on it." if first else "Somebody said so before.",)
        case "snooze":
            words = {"by": given.by, "reason": given.reason}
            episode_events.snooze(ledger, given.episode, until=given.until, now=now, **words)
            return (f"{given.episode} rests until {given.until}.",)
        case "outcome":
            words = {"by": given.by, "reason": given.reason}
            episode_events.record_outcome(ledger, given.episode, given.outcome, now=now, **words)
            return (f"{given.episode}: {given.outcome.replace('_', ' ')}.",)
        case "stop":
            kill_switches.stop(ledger, given.kind, given.name, by=given.by, reason=given.reason, now=now)
            return (f"The {given.kind} {given.name} is stopped; nothing of it is lost.",)
        case "start":
            was = kill_switches.start(ledger, given.kind, given.name)
            return (f"The {given.kind} {given.name} runs{'' if was else '; it was not stopped'}.",)
        case _:
            rows = kill_switches.all_of(ledger)
            said = (
                f"{r['kind']} {r['name']}: {r['reason']} ({r['by']}, {r['at']:%Y-%m-%d %H:%M})" for r in rows
            )
            return tuple(said) or ("Nothing is stopped.",)


def _awaiting(ledger: Engine) -> tuple[str, ...]:
    from customer_health.ledger.outbox import admin

    rows = admin.awaiting(ledger)
    said = (
        f"{row['key']}  {row['playbook']}/{row['step']}  {row['account_id']}  "
        f"until {row['expires_at']:%a %d %b %H:%M} UTC: {row['payload'].get('approval_asks', '')}"
        for row in rows
    )
    return tuple(said) or ("Nothing waits for approval.",)
