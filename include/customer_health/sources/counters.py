"""Counters that only grow: the total since the beginning, told every day, is not what happened on the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from customer_health.errors import DataContractError
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb

_ENOUGH, _ALONE, _RARE = 8, 12, 20
_RESETS = 0.06  # share of steps down that a counter may have: one that begins anew every month


def refuse_counters(con: duckdb.DuckDBPyConnection, source: str, settled: Sequence[str]) -> None:
    """Stop where the numbers of a source's usage only ever grow, and nobody has said what that means.

    Args:
        con: The warehouse, with the rows in `raw`.
        source: Who brought them.
        settled: Files of which somebody has said it.

    Raises:
        DataContractError: They do; summed by day, they would count everything again every day.
    """
    some = "SELECT account_id FROM raw.accounts ORDER BY hash(account_id) LIMIT 200"
    others = "AND _file NOT IN (SELECT unnest(?))" if settled else ""
    rows = f"SELECT * FROM raw.usage WHERE _source = ? {others} AND account_id IN ({some})"
    features = growing(con, rows, [source, list(settled)] if settled else [source])
    if features:
        raise DataContractError(
            f"usage ({source}): the numbers of {', '.join(features[:3])} only grow from day to day, as a "
            "counter does that tells the total since the beginning.",
            hint="Write `cumulative: true` in the feed, and each row counts what was added since the row "
            "before; or `cumulative: false`, if so much did happen on each day.",
        )


def growing(con: duckdb.DuckDBPyConnection, rows: str, parameters: Sequence[object] = ()) -> list[str]:
    """Return the features of usage whose numbers only ever grow from day to day, as counters do.

    Numbers of days go up and down alike: that eight steps in a row all go up, in several series, happens once
    in 256 files; of a single series twelve are asked for, and of weeks or months, which may grow, twenty.

    Args:
        con: The warehouse.
        rows: SELECT of usage.
        parameters: Of the SELECT.
    """
    series = "account_id, user_id, feature"
    found = con.execute(
        f"WITH every AS ({rows}), days AS (SELECT {series}, occurred_at, sum(events) AS told FROM every "
        f"GROUP BY ALL), steps AS (SELECT *, told - lag(told) OVER own AS step, "
        "occurred_at - lag(occurred_at) OVER own AS apart FROM days "
        f"WINDOW own AS (PARTITION BY {series} ORDER BY occurred_at)) "
        "SELECT feature, count(*) FILTER (step > 0) AS ups, count(*) FILTER (step < 0) AS downs, "
        "count(DISTINCT (account_id, user_id)) FILTER (step > 0) AS series, median(apart) AS apart "
        f"FROM steps GROUP BY 1 HAVING downs <= {_RESETS} * ups AND ups >= "
        f"CASE WHEN median(apart) >= 7 THEN {_RARE} WHEN series > 1 THEN {_ENOUGH} ELSE {_ALONE} END "
        "ORDER BY 1",
        list(parameters),
    ).fetchall()
    return [str(feature) for feature, *_ in found]


def increases(table: Table, rows: str, before: str, row: str) -> str:
    """Return SQL of what was added since the row before, of counters; the first row of each only begins it.

    A counter that fell began anew: what it shows was added since then.

    Args:
        table: Usage.
        rows: SELECT of the file's rows.
        before: SELECT of the rows of the file before it; empty if there is none.
        row: Name of the column with the row's number.
    """
    names = [identifier(name) for name in [*table.columns, row]]
    listed = ", ".join(names)
    others = f" UNION ALL BY NAME SELECT {listed}, false AS __own FROM ({before})" if before else ""
    shown = ", ".join("__added AS events" if name == '"events"' else name for name in names)
    return (
        f"WITH every AS (SELECT {listed}, true AS __own FROM ({rows}){others}), "
        "followed AS (SELECT *, lag(events) OVER (PARTITION BY account_id, user_id, feature "
        f"ORDER BY occurred_at, __own, known_at, {row}) AS __before FROM every) "
        "SELECT " + shown + " FROM (SELECT *, CASE WHEN events < __before THEN events ELSE events - __before "
        "END AS __added FROM followed WHERE __own AND __before IS NOT NULL)"
    )
