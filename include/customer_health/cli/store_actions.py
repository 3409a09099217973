"""Commands of whoever looks after the stores."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime

from customer_health.pipeline import Result
from customer_health.settings import Settings

COMMANDS = ("back-up", "restore", "retain")


def register(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to the parser."""

    def command(name: str, doc: str) -> argparse.ArgumentParser:
        return add(name, help=doc, description=doc)

    kept = command("back-up", "Write ledger, warehouse, state, models and reports into a new folder")
    kept.add_argument("target", help="a folder or an fsspec address; the back-up is a folder below it")
    back = command("restore", "Put a back-up into an empty home and an empty ledger")
    back.add_argument("source", help="the folder of one back-up")
    command("retain", "Remove what the company file's retention no longer keeps")


def run(settings: Settings, arguments: argparse.Namespace, now: datetime) -> Result:
    """Do what one command asks for."""
    from customer_health.operations import backup, thinning

    if arguments.command == "back-up":
        return backup.back_up(settings, arguments.target, now=now)
    if arguments.command == "restore":
        return backup.restore(settings, arguments.source)
    return thinning.retain(settings, now=now)
