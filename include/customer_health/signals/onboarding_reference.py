"""What customers that stayed had in their first weeks: kept by each training, read by each day's scoring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

KEPT = timedelta(days=730)  # trainings of two years; a day that is scored again finds the one of its time
_TABLE = "onboarding_reference"


def write_reference(con: duckdb.DuckDBPyConnection, reference: pd.DataFrame, as_of: date) -> int:
    """Replace the reference of one training in `signals.onboarding_reference`; return its number of rows.

    Args:
        con: The open warehouse.
        reference: Numbers only, NaN for unknown; no account is named.
        as_of: The day of the training.
    """
    columns = ", ".join(
        f'CAST(nullif("{name}", \'NaN\'::DOUBLE) AS DOUBLE) AS "{name}"' for name in reference
    )
    declared = ", ".join(f'"{name}" DOUBLE' for name in reference)
    con = con.cursor()
    con.register("reference_to_write", reference)
    con.execute("BEGIN")
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS signals")
        con.execute(f"CREATE TABLE IF NOT EXISTS signals.{_TABLE} (as_of DATE, {declared})")
        for name in reference:
            con.execute(f'ALTER TABLE signals.{_TABLE} ADD COLUMN IF NOT EXISTS "{name}" DOUBLE')
        con.execute(f"DELETE FROM signals.{_TABLE} WHERE as_of = ? OR as_of < ?", [as_of, as_of - KEPT])
        con.execute(
            f"INSERT INTO signals.{_TABLE} BY NAME SELECT CAST(? AS DATE) AS as_of, {columns} "
            "FROM reference_to_write",
            [as_of],
        )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    finally:
        con.close()
    return len(reference)


def read_reference(con: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame | None:
    """Return the newest reference that was kept on `as_of` or before; None where none was."""
    if not has_table(con, _TABLE, "signals"):
        return None
    found = con.execute(
        f"SELECT * EXCLUDE (as_of) FROM signals.{_TABLE} WHERE as_of = "
        f"(SELECT max(as_of) FROM signals.{_TABLE} WHERE as_of <= ?)",
        [as_of],
    ).df()
    return found if len(found) else None
