"""Let go of the warehouse's daily rows that the ledger no longer has scores for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import TYPE_CHECKING

from customer_health.retention_config import RetentionConfig

if TYPE_CHECKING:
    import duckdb

# What gate and checks found, by day; small, and missing in a warehouse that has not lived yet.
FOUND = ("signals.findings", "signals.freshness", "ops.gate", "ops.freshness")


def remove_old_days(
    con: duckdb.DuckDBPyConnection,
    keep: RetentionConfig,
    today: date,
    scored: Callable[[date], Collection[str]],
) -> dict[str, int]:
    """Remove signals of days whose scores have gone, and findings as old as reports; return rows by table.

    Trainings read the first of each month, people look at Mondays, and a replay needs the signals of a score
    that is still there: those stay as long as weekly scores do.

    Args:
        con: The open warehouse.
        keep: How long.
        today: The present day.
        scored: Returns the accounts that still have a score on a day.
    """
    there = {
        f"{schema}.{name}"
        for schema, name in con.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
        ).fetchall()
    }
    counts = {"signals": 0, "findings": 0}
    for table in (one for one in FOUND if one in there):
        counts["findings"] += _deleted(
            con, f"{table} WHERE as_of < ?", [today - timedelta(days=keep.findings)]
        )
    if "signals.values" not in there:
        return counts
    counts["signals"] = _deleted(
        con, 'signals."values" WHERE as_of < ?', [today - timedelta(days=keep.weekly_scores)]
    )
    days = con.execute(
        'SELECT as_of, count(*) FROM signals."values" WHERE as_of < ? '
        "AND isodow(as_of) <> 1 AND day(as_of) <> 1 GROUP BY as_of ORDER BY as_of",
        [today - timedelta(days=keep.daily_scores)],
    ).fetchall()
    for day, rows in days:
        stay = sorted(scored(day))
        if len(stay) < rows:
            gone = 'signals."values" WHERE as_of = ? AND NOT list_contains(?, account_id)'
            counts["signals"] += _deleted(con, gone, [day, stay])
    return counts


def _deleted(con: duckdb.DuckDBPyConnection, what: str, given: list[object]) -> int:
    row = con.execute(f"DELETE FROM {what}", given).fetchone()
    return 0 if row is None else int(row[0])
