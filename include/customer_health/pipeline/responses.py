"""What people did since the last look: reactions to Slack's messages, and our tasks in the CRM.

A step of its own: a delivery that fails keeps nobody's answer from being heard, and hearing an answer
changes nothing outside. What follows from it (no reminder, an edited message) is decided afterwards.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy import Engine

    from customer_health.settings import Settings


def collect_responses(settings: Settings, *, now: datetime, progress: Progress = silent) -> Result:
    """Acknowledge the episodes whose Slack message somebody marked with 👀 or ✅.

    A workspace that does not answer ends the round, not the step: the next one asks again.

    Args:
        settings: Where the ledger is, and what stands behind the role `slack`.
        now: The present, zone-aware.
        progress: Told what is being done.

    Raises:
        ConfigurationError: The credentials of Slack are missing.
    """
    from customer_health.destinations.destination_registry import destination_for
    from customer_health.destinations.slack import reactions
    from customer_health.ledger.engine import open_ledger

    progress(0, 0, "reading reactions")
    found = reactions.poll(open_ledger(settings.ledger_url), destination_for("slack", settings), now=now)
    said = f"{found} episodes were acknowledged." if found else "Nobody has reacted since the last look."
    return Result("Collect responses", {"acknowledged": found}, (said,))


def take_in_tasks(con: duckdb.DuckDBPyConnection, ledger: Engine, as_of: date) -> tuple[str, ...]:
    """Write into the ledger what became of our tasks in the CRM; return a sentence about it, or none.

    Args:
        con: The warehouse.
        ledger: The ledger.
        as_of: The day; only what was known before its midnight counts.
    """
    from customer_health.ledger.crm_tasks import read_tasks, take_in
    from customer_health.warehouse.raw import has_table

    seen = read_tasks(con, as_of) if has_table(con, "crm_tasks") else []
    changed = take_in(ledger, seen)
    return (f"{changed} of our tasks changed in the CRM.",) if changed else ()
