"""CSMs' pulses as facts: what the ledger keeps of them, in the table that signals read."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy import Engine

SOURCE = "ledger"


def take_in_pulses(con: duckdb.DuckDBPyConnection, ledger: Engine) -> int:
    """Write every pulse of the ledger to `raw.csm_pulses`; return how many.

    Both clocks are the moment at which it was given, so no day knows a feeling of later. What a company's own
    source brought into the table stays.

    Args:
        con: The warehouse.
        ledger: Where pulses are given.
    """
    from customer_health.ledger import pulses
    from customer_health.warehouse.contracts import ddl
    from customer_health.warehouse.tables import TABLES

    given = pulses.every(ledger)
    # This table only: the gate, which is next, must find the others as they are.
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    con.execute(ddl(TABLES["csm_pulses"]))
    con.execute("BEGIN")
    con.execute("DELETE FROM raw.csm_pulses WHERE _source = ?", [SOURCE])
    for number, row in enumerate(given):
        at = row["at"].astimezone(UTC).replace(tzinfo=None)
        values = [f"{SOURCE}:{row['id']}", row["account_id"], row["pulse"], at, at]
        con.execute(
            "INSERT INTO raw.csm_pulses (pulse_id, account_id, pulse, occurred_at, known_at, "
            "_source, _file, _row, _load_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*values, SOURCE, SOURCE, number, SOURCE],
        )
    con.execute("COMMIT")
    return len(given)
