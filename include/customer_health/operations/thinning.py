"""Let go of what is old: rows of the ledger and of the warehouse, previews, reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath

from customer_health import storage
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.old_rows import remove_old_rows
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings
from customer_health.store_faults import StoreFullError
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.data_docs import ARCHIVE
from customer_health.warehouse.old_days import remove_old_days


def retain(settings: Settings, *, now: datetime) -> Result:
    """Remove what the company file's `retention` no longer keeps; a second run removes nothing.

    Raises:
        WarehouseBusyError: A step is at work; the ledger's part is done, the rest by the next try.
    """
    keep, today = settings.config.retention, now.date()
    ledger = open_ledger(settings.ledger_url)
    counts: dict[str, int | float | str] = dict(remove_old_rows(ledger, keep, today))
    counts["data_docs"] = _files(settings.reports, today - timedelta(days=keep.data_docs), ARCHIVE)
    counts["previews"] = _files(settings.preview, today - timedelta(days=keep.previews))
    counts["reports"] = _files(settings.reports, today - timedelta(days=keep.findings))
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


def _files(folder: Path, before: date, named: str = "*") -> int:
    """Remove files of a name that were last written before a day, and the folders that this empties."""
    limit, count = _midnight(before), 0
    for file in storage.files_below(folder):
        if PurePosixPath(file.name).match(named) and file.modified < limit:
            storage.remove(file.path)
            count += 1
    if storage.is_local(folder):  # an object store has no folders
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return count


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
