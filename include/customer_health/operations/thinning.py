"""Let go of what is old: rows of the ledger and of the warehouse, previews, reports."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath

from customer_health import storage
from customer_health.address_faults import is_local
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.old_rows import remove_old_rows
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings
from customer_health.storage import StoredFile
from customer_health.store_faults import StoreFullError
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.data_docs import ARCHIVE
from customer_health.warehouse.old_days import remove_old_days

_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


def retain(settings: Settings, *, now: datetime) -> Result:
    """Remove what the company file's `retention` no longer keeps; a second run removes nothing.

    Raises:
        WarehouseBusyError: A step is at work; the ledger's part is done, the rest by the next try.
    """
    keep, today = settings.config.retention, now.date()
    ledger = open_ledger(settings.ledger_url)
    counts: dict[str, int | float | str] = dict(remove_old_rows(ledger, keep, today))
    counts |= remove_old_files(settings, now=now)
    said: tuple[str, ...] = ()
    try:
        with open_warehouse(settings.warehouse_url) as con:
            counts |= remove_old_days(con, keep, today, lambda day: scores.accounts_of(ledger, day))
    except StoreFullError as error:  # whoever makes room must not be stopped for want of room
        said = (f"The warehouse's old days stay for now. {error.message}",)
    removed = ", ".join(f"{count:,} of {name}" for name, count in counts.items() if count)
    return Result(
        "Retention", counts, (f"Removed: {removed}." if removed else "Nothing was old enough.", *said)
    )


def remove_old_files(settings: Settings, *, now: datetime) -> dict[str, int]:
    """Remove Data Docs, previews and reports that `retention` no longer keeps; return how many of each.

    Args:
        settings: Where they lie.
        now: What "old" is counted from.
    """
    keep, today = settings.config.retention, now.date()
    kept = {
        "data_docs": (settings.reports, keep.data_docs, ARCHIVE),
        "previews": (settings.preview, keep.previews, "*"),
        "reports": (settings.reports, keep.findings, "*"),
    }
    return {
        name: _files(folder, today - timedelta(days=days), named, now=now)
        for name, (folder, days, named) in kept.items()
    }


def day_of(file: StoredFile, now: datetime) -> date:
    """Return the day from which a file's age counts: the later of its own day and the day it was written.

    Its own day stands in its name or its folder's (2026-11-29/gate.html, kpis-2026-11-30.md). So what is
    written today about a day long gone can be read for as long as anything else. A file that was written
    after `now` (another clock, a day that is lived again) is as old as its name says.
    """
    written = file.modified.astimezone(UTC).date()
    named = _DAY.search(file.name)
    try:
        told = date.fromisoformat(named.group()) if named else None
    except ValueError:  # 2026-13-45, in somebody's own name
        told = None
    if told is None:
        return written
    return told if file.modified > now else max(told, written)


def _files(folder: Path, before: date, named: str = "*", *, now: datetime) -> int:
    """Remove files of a name that are of a day before another, and the folders that this empties."""
    count = 0
    for file in storage.files_below(folder):
        if PurePosixPath(file.name).match(named) and day_of(file, now) < before:
            storage.remove(file.path)
            count += 1
    if is_local(folder):  # an object store has no folders
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return count
