"""Did anything land twice? Counted at night, told to the data team, and kept for the page and the summary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from customer_health.errors import RetriableError
from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent

if TYPE_CHECKING:
    from customer_health.settings import Settings


def audit_deliveries(
    settings: Settings, *, destination: str, now: datetime, progress: Progress = silent
) -> Result:
    """Count at one destination what was sent more than once; see delivery/duplicate_audit.py.

    What is there twice stands on its row (page Health, Actions), and the data team is told, once.

    Raises:
        RetriableError: The destination did not answer; the rest is counted by the next audit.
    """
    from customer_health.delivery.duplicate_audit import audit
    from customer_health.destinations.destination_registry import destination_for
    from customer_health.ledger.engine import open_ledger
    from customer_health.playbooks.operator_notices import Notice, tell_data_team

    progress(0, 0, f"auditing {destination}")
    ledger = open_ledger(settings.ledger_url)
    found = audit(ledger, destination_for(destination, settings), now=now)
    notices = [
        Notice(
            topic=f"late_commit:{destination}",
            cycle=words.partition(" ")[0],
            title=f"An effect is in {destination} more than once",
            lines=[words],
            remedy="Delete all but one of them there. Nothing is sent again; where this happens often the "
            "destination commits later than we wait, and the period of grace must be longer.",
        )
        for words in found.named
    ]
    tell_data_team(ledger, settings.config, notices, now=now)
    if found.silent:
        raise RetriableError(" ".join(found.lines()), hint="Nothing is lost; the next audit counts again.")
    return Result(f"Audit {destination}", found.counts(), tuple(found.lines()))
