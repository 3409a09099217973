"""The ledger's own step: bring it to the newest revision, on command or at the start of ingestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from customer_health.pipeline.step_result import Result

if TYPE_CHECKING:
    from customer_health.settings import Settings


def upgrade_ledger(settings: Settings, *, dry_run: bool = False) -> Result:
    """Create an empty ledger, or bring an older one up to date; one at the newest revision is left alone.

    Args:
        settings: Where the ledger is.
        dry_run: Do it on the real data and undo it, and show the statements.

    Raises:
        ConfigurationError: Newer code has written this ledger.
        FatalError: A revision does not fit the data; the ledger is as it was.
    """
    from customer_health.ledger.upgrade import upgrade_ledger as upgrade

    done = upgrade(settings.ledger_url, dry_run=dry_run)
    counts: dict[str, int | float | str] = {"statements": len(done.statements), "revision": done.reached}
    return Result("Upgrade the ledger", counts, tuple(done.lines()))
