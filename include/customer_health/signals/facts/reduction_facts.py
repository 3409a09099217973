"""Reduce event tables to narrow, sorted arrays: days, the numbers that signals use, and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from customer_health.company import CompanyConfig
from customer_health.signals.derived import DERIVED
from customer_health.signals.facts.reduction_losses import day_of, partings, with_ends
from customer_health.signals.plan_lists import conditions, mask_name
from customer_health.signals.signal import Signal
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.state.table_reader import NUMBERS
from customer_health.warehouse.table import Table, Type
from customer_health.warehouse.tables import TABLES


def reduce_facts(
    warehouse: Any,
    name: str,
    source: Any,
    signals: Sequence[Signal],
    config: CompanyConfig,
) -> Columns:
    """Read one table of facts.

    Returns:
        account, occurred and seen (int32 days); `day:<timestamp>` (NEVER if empty) and
        `second:<timestamp>` (NaN if empty); `untold:<stage>` (bool: the source does not say whether or
        when that stage was reached, and `day:` is when we knew that it was, if we do); `number:<column>`
        (NaN if empty); `where:<conditions>` (bool); `code:<column>` (number that stands for a text, -1 if
        empty). Rows are sorted by account, occurred_at, known_at and key.
    """
    contract = DERIVED[name] if name in DERIVED else TABLES[name]
    never = [state for state, closes in contract.closed_by.items() if not closes]
    if never:  # void, draft, deleted: such rows are nobody's
        source = source.filter(~source.status.isin(never).fill_null(False))
    table = source.join(warehouse.kept(NUMBERS), "account_id")
    wanted: dict[str, Any] = {
        "account": table.account,
        "occurred": day_of(table.occurred_at),
        "known": day_of(table.known_at),
    }
    columns = {column for signal in signals for column, _ in signal.aggregation.needs()}
    columns |= {column for column, spec in contract.columns.items() if spec.lifecycle}
    for column in sorted(columns):
        if contract.columns[column].type in (Type.TIMESTAMP, Type.DATE):
            wanted[f"day:{column}"] = day_of(table[column]).fill_null(NEVER)
            wanted[f"second:{column}"] = table[column].cast("timestamp").epoch_seconds().cast("float64")
        elif contract.columns[column].type is Type.TEXT:
            wanted[f"code:{column}"] = table[column]
        else:
            wanted[f"number:{column}"] = table[column].cast("float64")
    if "unknown_stages" in contract.columns:
        wanted |= _untold(table, contract)
    for signal in signals:
        resolved = conditions(signal, config)
        if resolved:
            wanted[mask_name(resolved)] = _matches(table, resolved)
    order = dict.fromkeys(("account", "occurred_at", "known_at", *contract.key))
    rows: Columns = warehouse.fetch(table.order_by(list(order)).select(**wanted))
    rows["seen"] = np.maximum(rows["occurred"], rows.pop("known"))
    for name in [name for name in rows if name.startswith("code:")]:
        rows[name] = text_codes(rows[name])
    return rows


def text_codes(texts: Any) -> Any:
    """Replace texts by positive numbers, equal ones by equal ones; empty ones by -1."""
    from pandas.util import hash_array

    known = np.array([text is not None and text != "" for text in texts], dtype=bool)
    codes = np.full(len(texts), -1, dtype=np.int64)
    codes[known] = (hash_array(np.asarray(texts, dtype=object)[known]) >> np.uint64(1)).astype(np.int64)
    return codes


def _untold(table: Any, contract: Table) -> dict[str, Any]:
    """What a state says about stages that have no date: that one is over, or not, and since when we know."""
    found: dict[str, Any] = {}
    closing = {stage for stage in contract.closed_by.values() if stage}
    for stage in (name for name, spec in contract.columns.items() if spec.lifecycle):
        missing = table.unknown_stages.fill_null("").contains(stage)
        if stage in closing:
            over = [state for state, closes in contract.closed_by.items() if closes == stage]
            undated = (table.status.isin(over) & table[stage].isnull()).fill_null(False)
            found[f"day:{stage}"] = undated.ifelse(day_of(table.status_at), day_of(table[stage])).fill_null(
                NEVER
            )
            found[f"untold:{stage}"] = undated | (missing & table.status.isnull())
        else:
            found[f"untold:{stage}"] = missing
    return found


def _matches(table: Any, resolved: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    condition: Any = None
    for column, values in resolved:
        one = table[column].cast("string").isin(list(values)).fill_null(False)
        condition = one if condition is None else condition & one
    return condition


def reduce_contracts(warehouse: Any) -> tuple[Columns, list[str]]:
    """Read contract states, sorted by account, contract and time, and the names of the plans.

    Besides the days there are `contract` (its number), seats and arr (NaN if empty), plan (position
    in the names, -1 if empty), start and end (days, NEVER if empty), renews and active (bool),
    renewal_known (whether renews was given), notice (days, NaN if empty). Contracts of an account that left
    apart from those it was merged with have an end.
    """
    raw = warehouse.raw("contracts")
    table = raw.join(warehouse.kept(NUMBERS), "account_id")
    rows: Columns = warehouse.fetch(
        table.order_by(
            [table.account, table.contract_id, table.occurred_at, table.known_at, table.plan, table.arr]
        ).select(
            account=table.account,
            own=table.account_id,
            contract_id=table.contract_id,
            plan=table.plan,
            seats=table.seats.cast("float64"),
            arr=table.arr.cast("float64"),
            start=day_of(table.term_start).fill_null(NEVER),
            end=day_of(table.term_end).fill_null(NEVER),
            renews=table.auto_renew.fill_null(False),
            renewal_known=table.auto_renew.notnull(),
            notice=table.notice_days.cast("float64"),
            active=(table.status.fill_null("active") == "active"),
            occurred=day_of(table.occurred_at),
            known=day_of(table.known_at),
        )
    )
    rows |= {"seen": np.maximum(rows["occurred"], rows.pop("known"))}
    rows = with_ends(rows, partings(warehouse))
    contract_ids, plans = rows.pop("contract_id"), rows.pop("plan")
    rows.pop("own")
    new = np.ones(len(contract_ids), bool)
    if len(new) > 1:
        new[1:] = (contract_ids[1:] != contract_ids[:-1]) | (rows["account"][1:] != rows["account"][:-1])
    rows["contract"] = (np.cumsum(new) - 1).astype(np.int64)
    names = sorted({str(plan) for plan in plans if plan is not None})
    number = {name: code for code, name in enumerate(names)}
    rows["plan"] = np.array([number.get(str(plan), -1) for plan in plans], dtype=np.int32)
    return rows, names


def reduce_notices(warehouse: Any) -> Columns:
    """Read notices and renewals (account, occurred, seen, notice, renewed), sorted by account."""
    said = warehouse.raw("contract_events").join(warehouse.kept(NUMBERS), "account_id")
    said = said.filter(said.kind.isin(["notice_given", "renewed", "new"]))
    events: Columns = warehouse.fetch(
        said.order_by(said.account, said.occurred_at, said.known_at).select(
            account=said.account,
            occurred=day_of(said.occurred_at),
            known=day_of(said.known_at),
            notice=said.kind == "notice_given",
        )
    )
    events["seen"] = np.maximum(events["occurred"], events.pop("known"))
    events["renewed"] = ~events["notice"]
    return events
