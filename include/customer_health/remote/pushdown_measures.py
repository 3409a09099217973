"""What the gate asks of a table that stays in the company's warehouse: the same measurements, made there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from customer_health.remote.company_warehouse import SourceWarehouse
from customer_health.remote.pushdown import broken_rows, sound
from customer_health.warehouse.measures import FEW_ROWS, WEEKS, Measures
from customer_health.warehouse.table import Table
from customer_health.wording import percent


def measure(
    source: SourceWarehouse,
    rows: Any,
    contract: Table,
    *,
    as_of: date,
    horizon: date,
    accounts: Sequence[str],
) -> Measures:
    """Return the measurements of a table, by three queries; rows that break a rule are counted, not moved.

    Args:
        source: The open warehouse.
        rows: The table in canonical columns.
        contract: Its contract.
        as_of: The day of the run.
        horizon: Facts dated after the day after it are in the future.
        accounts: Ids that `accounts` holds.
    """
    import ibis
    import pyarrow as pa

    broken = broken_rows(rows, contract)
    ahead = rows.occurred_at.cast("date") > ibis.literal(horizon + timedelta(days=1), "date")
    broken["occurred_at.future"] = ahead.fill_null(False)
    known = source.keep("known_accounts", pa.table({"known_account": pa.array(list(accounts), pa.string())}))
    named = rows.filter(rows.account_id.notnull())
    without_account = named.anti_join(known, named.account_id == known.known_account)
    numbered = {f"n{place}": condition.sum().cast("int64") for place, condition in enumerate(broken.values())}
    any_broken = ibis.or_(*broken.values())
    totals = _one(source, rows.aggregate(rows=rows.count(), bad=any_broken.sum().cast("int64"), **numbered))
    result = Measures(contract)
    values = result.values
    bad = float(totals["bad"] or 0)
    values |= {"missing_columns": 0.0, "new_rows": float(totals["rows"]), "rows": float(totals["rows"]) - bad}
    values |= {"quarantined": bad, "copies": 0.0, "superseded": 0.0, "contradictions": 0.0, "unreadable": 0.0}
    for place, name in enumerate(broken):
        values[f"broken.{name}"] = float(totals[f"n{place}"] or 0)
    unknown = _one(source, without_account.aggregate(n=without_account.count()))["n"]
    values["broken.account_id.unknown"] = float(unknown or 0)
    values["contradiction_share"] = _repeated(source, rows, contract, as_of)
    result.shown["contradiction_share"] = (
        f"{percent(values['contradiction_share'], 1)} of the last {WEEKS} weeks' rows"
    )
    _weeks(source, sound(rows, contract), as_of, result)
    return result


def _repeated(source: SourceWarehouse, rows: Any, contract: Table, as_of: date) -> float:
    """Share of the last weeks' rows whose key another row has too."""
    recent = rows.filter(_age(rows, as_of) < 7 * WEEKS)
    keys = recent.group_by(list(contract.key)).agg(n=recent.count())
    found = _one(source, keys.aggregate(rows=keys.n.sum().cast("int64"), keys=keys.count()))
    return (found["rows"] - found["keys"]) / found["rows"] if found["rows"] else 0.0


def _weeks(source: SourceWarehouse, rows: Any, as_of: date, result: Measures) -> None:
    """Age of the newest row, and the last week's volume against the eight weeks before it."""
    # What is younger is not known yet on that day.
    rows = rows.mutate(age=_age(rows, as_of))
    rows = rows.filter(rows.age >= 0)
    recent = rows.filter(rows.age < 7 * (WEEKS + 1))
    newest = _one(source, rows.aggregate(age=rows.age.min()))["age"]
    if newest is None:
        return
    result.newest = datetime.combine(as_of - timedelta(days=1 + int(newest)), time())
    result.values["days_old"] = float(newest)
    found = source.arrow(recent.group_by(week=(recent.age / 7).floor().cast("int32")).agg(n=recent.count()))
    weeks = {int(row["week"]): int(row["n"]) for row in found.to_pylist()}
    usual = median(weeks.get(week, 0) for week in range(1, WEEKS + 1))
    result.values["volume_ratio"] = weeks.get(0, 0) / usual if usual >= FEW_ROWS else None


def _age(rows: Any, as_of: date) -> Any:
    """Whole days between a row becoming known and the last day before `as_of`."""
    return (as_of - date(1970, 1, 1)).days - 1 - rows.known_at.date().epoch_days().cast("int32")


def _one(source: SourceWarehouse, expression: Any) -> dict[str, Any]:
    row: dict[str, Any] = source.arrow(expression).to_pylist()[0]
    return row
