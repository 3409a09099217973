"""Write derived contracts and outcomes into `raw`: what changed since the last run, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.losses.contract_losses import Loss
from customer_health.warehouse.losses.followed import SAME_DAYS, Followed
from customer_health.warehouse.losses.lapsed import Presumed
from customer_health.warehouse.losses.levels import EPOCH
from customer_health.warehouse.raw import next_load_id, scalar
from customer_health.warehouse.tables import CONTRACTS

if TYPE_CHECKING:
    import duckdb

DERIVED = "derived"  # the source that derived rows name
PRESUMED = " (presumed renewed)"  # what the id of a derived contract adds to the id of the one that lapsed
FAMILY = "split_part(kind, '_', 1)"  # logo, downgrade, contraction: one head of the model each
CREATE = (
    "CREATE TABLE IF NOT EXISTS ops.derived_outcomes (account_id VARCHAR, kind VARCHAR, "
    "occurred_at TIMESTAMP, known_at TIMESTAMP, arr_lost DOUBLE, reason VARCHAR)"
)


def write_contracts(
    con: duckdb.DuckDBPyConnection,
    presumed: Mapping[str, list[Presumed]],
    rowids: Mapping[str, Sequence[int]],
    as_of: date,
) -> None:
    """Replace the derived contracts that this day can know of, as far as they have changed."""
    import pyarrow as pa

    rows: list[tuple[Any, ...]] = []
    for account, found in presumed.items():
        for one in found:
            rid = rowids[account][one.place]
            rows.append((rid, _date(one.since), "active"))
            if one.until is not None:
                rows.append((rid, _date(one.until), "ended"))
    _fill(con, "presumed", {"rid": pa.int64(), "day": pa.date32(), "status": pa.string()}, rows)
    given = {
        "contract_id": f"t.contract_id || '{PRESUMED}'", "account_id": "s.account", "status": "p.status",
        "term_start": "NULL::DATE", "term_end": "NULL::DATE", "auto_renew": "NULL::BOOLEAN",
        "notice_days": "NULL::BIGINT", "occurred_at": "p.day::TIMESTAMP", "known_at": "p.day::TIMESTAMP",
    }  # fmt: skip
    columns = ", ".join(f"{given.get(name, f't.{name}')} AS {identifier(name)}" for name in CONTRACTS.columns)
    _synchronise(
        con,
        "contracts",
        list(CONTRACTS.columns),
        f"SELECT {columns} FROM presumed p JOIN raw.contracts t ON t.rowid = p.rid "
        "JOIN survivors s USING (account_id)",
        as_of,
    )


def write_outcomes(
    con: duckdb.DuckDBPyConnection,
    losses: Sequence[tuple[str, Loss]],
    as_of: date,
    followed: Sequence[Followed] = (),
) -> tuple[dict[str, int], dict[str, int]]:
    """Replace the derived outcomes; return how many of each kind there are, and how many are used.

    A family of kinds (leaving, downgrades, contractions) of which the company brings outcomes is kept in
    `ops.derived_outcomes` only. Not so the end of a contract that followed on a term of the company's: none
    of its files tells of that.
    """
    import pyarrow as pa

    con.execute(CREATE)
    con.execute("DELETE FROM ops.derived_outcomes")
    columns = ["account_id", "kind", "occurred_at", "known_at", "arr_lost", "reason"]
    types = (pa.string(), pa.string(), pa.date32(), pa.date32(), pa.float64(), pa.string())
    rows = [
        (name, loss.kind, _date(loss.day), _date(loss.known), loss.arr, loss.why) for name, loss in losses
    ]
    _fill(con, "derived_losses", dict(zip(columns, types, strict=True)), rows)
    con.execute("INSERT INTO ops.derived_outcomes SELECT * FROM derived_losses")
    went_on = [(one.account_id, one.day) for one in followed]
    _fill(con, "went_on", {"account_id": pa.string(), "day": pa.date32()}, went_on)
    brought = "coalesce(_source, '') <> 'derived'"
    own = f"SELECT {FAMILY} FROM raw.outcomes WHERE {brought} UNION SELECT 'logo' FROM went_on"
    later = (
        "kind = 'logo_churn' AND EXISTS (SELECT 1 FROM went_on w WHERE w.account_id = d.account_id "
        "AND d.occurred_at > w.day) AND NOT EXISTS (SELECT 1 FROM raw.outcomes o JOIN survivors s USING "
        f"(account_id) WHERE {brought} AND o.kind = d.kind AND s.account = d.account_id AND "
        f"abs(date_diff('day', o.occurred_at, d.occurred_at)) <= {SAME_DAYS})"
    )
    _synchronise(
        con,
        "outcomes",
        columns,
        f"SELECT {', '.join(columns)} FROM ops.derived_outcomes d WHERE {FAMILY} NOT IN ({own}) OR ({later})",
        as_of,
    )
    counted = "SELECT kind, count(*) FROM {} GROUP BY 1 ORDER BY 1"
    tables = ("ops.derived_outcomes", f"raw.outcomes WHERE _source = '{DERIVED}'")
    found, used = (dict(con.execute(counted.format(table)).fetchall()) for table in tables)
    return found, used


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _fill(
    con: duckdb.DuckDBPyConnection, name: str, types: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Make rows a temporary table: through Arrow, since inserting them one by one takes minutes."""
    import pyarrow as pa

    cells = {
        column: pa.array([row[place] for row in rows], type_)
        for place, (column, type_) in enumerate(types.items())
    }
    con.register("rows_to_fill", pa.table(cells))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM rows_to_fill")
    con.unregister("rows_to_fill")


def _synchronise(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], wanted: str, as_of: date
) -> None:
    """Make the derived rows of a table that are known before `as_of` those of a query; the same ones stay."""
    names = ", ".join(identifier(name) for name in columns)
    same = f"hash({names}) % 2147483647"
    con.execute(f"CREATE OR REPLACE TEMP TABLE derived_rows AS SELECT *, {same} AS _row FROM ({wanted})")
    con.execute(
        f"DELETE FROM raw.{table} WHERE _source = '{DERIVED}' AND known_at < ? "
        "AND _row NOT IN (SELECT _row FROM derived_rows)",
        [as_of],
    )
    con.execute(
        f"DELETE FROM derived_rows WHERE _row IN (SELECT _row FROM raw.{table} WHERE _source = '{DERIVED}')"
    )
    many = scalar(con, "SELECT count(*) FROM derived_rows")
    if not many:
        return
    load = next_load_id(con)
    con.execute(
        f"INSERT INTO raw.{table} ({names}, _source, _file, _row, _load_id) "
        f"SELECT {names}, '{DERIVED}', 'contracts and invoices', _row, '{load}' FROM derived_rows"
    )
    con.execute(
        "INSERT INTO ops.loads VALUES (?, ?, ?, ?, 'contracts and invoices', ?, ?, true)",
        [load, as_of, DERIVED, table, many, DERIVED],
    )
