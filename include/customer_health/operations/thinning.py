"""Let go of what is old: rows of the ledger, previews, reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from customer_health.ledger.engine import open_ledger
from customer_health.ledger.old_rows import remove_old_rows
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings


def retain(settings: Settings, *, now: datetime) -> Result:
    """Remove what the company file's `retention` no longer keeps; a second run removes nothing."""
    keep, today = settings.config.retention, now.date()
    counts: dict[str, int | float | str] = dict(
        remove_old_rows(open_ledger(settings.ledger_url), keep, today)
    )
    counts["previews"] = _files(settings.preview, today - timedelta(days=keep.previews))
    counts["reports"] = _files(settings.reports, today - timedelta(days=keep.findings))
    removed = ", ".join(f"{count:,} of {name}" for name, count in counts.items() if count)
    return Result("Retention", counts, (f"Removed: {removed}." if removed else "Nothing was old enough.",))


def _files(folder: Path, before: date) -> int:
    """Remove files that were last written before a day, and the folders that this empties."""
    limit, count = _midnight(before).timestamp(), 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink()
            count += 1
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return count


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
