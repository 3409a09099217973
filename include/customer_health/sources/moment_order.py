"""Moments that cannot be in the order that a row gives them: a ticket solved before it was opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from customer_health.sources.cells import Value
from customer_health.sources.mapping import Feed, Rule
from customer_health.warehouse.contracts import literal
from customer_health.warehouse.table import Table, Type

Let = Callable[[str, str], str]


def in_order(
    table: Table, feed: Feed, rules: Mapping[str, Rule], values: Mapping[str, Value], let: Let
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the values that change, and the checks by which rows go to quarantine, for `table.orders`.

    A stage that a source tells by its day alone, or by the minute, may seem to lie just before a moment that
    is told more exactly: it then lies on it.

    Args:
        table: The table; it declares the pairs.
        feed: Its time zone, and its `ends_on`.
        rules: Canonical column -> rule; `early:` says what becomes of the row.
        values: Columns as they are read, and what steers rows.
        let: Gives a part of an expression a name (ColumnReader).
    """
    changed: dict[str, Value] = {}
    checks: dict[str, Value] = {}
    for order in table.orders:
        rule = feed.ends_on if order.later == "ends_on" else rules.get(order.later)
        since = rules.get(order.earlier)
        if rule is None or since is None or rule.early == "keep":
            continue
        later, earlier = changed.get(order.later, values[order.later]), values[order.earlier]
        after, before = (let("moment", f"CAST({one.read} AS TIMESTAMP)") for one in (later, earlier))
        unless = "".join(f" AND NOT coalesce({values[n].read} {test}, false)" for n, test in order.unless)
        early = let(
            "early", f"coalesce({after} + {_slack(after, before, feed.timezone)} <= {before}, false){unless}"
        )
        read = later.read
        if table.columns.get(order.later, table.columns["occurred_at"]).type is Type.TIMESTAMP:
            read = f"CASE WHEN {after} < {before} THEN {before} ELSE {after} END"
        if rule.early == "empty":
            read = f"CASE WHEN NOT {early} THEN {read} END"
            changed |= _unknown(
                table, order.later, early, changed.get("unknown_stages", values.get("unknown_stages"))
            )
        else:
            checks[f"{order.later}:{order.earlier}"] = Value(
                "NULL",
                "NULL",
                early,
                f"lies before {order.earlier}, which cannot be. Correct the source or the mapping, or write "
                "in its rule `early: empty` (the day is unknown) or `early: keep` (it is right)",
                shown=f"{_shown(after)} || ', before ' || {_shown(before)}",
            )
        if order.later != "ends_on":
            changed[order.later] = replace(later, read=read)
    return changed, checks


def _slack(later: str, earlier: str, zone: str | None) -> str:
    """SQL of how far the later moment may lie before the other one and still be meant on it."""
    day_of_later, day_of_earlier = (f"{one} = date_trunc('day', {one})" for one in (later, earlier))
    zones = 14 if zone else 0
    return (
        f"CASE WHEN {day_of_later} AND {day_of_earlier} THEN INTERVAL 24 HOUR "
        f"WHEN {day_of_later} THEN INTERVAL {24 + zones} HOUR "
        f"WHEN {day_of_earlier} THEN INTERVAL {60 * zones + 1} MINUTE ELSE INTERVAL 1 MINUTE END"
    )


def _shown(moment: str) -> str:
    return f"strftime({moment}, '%Y-%m-%d %H:%M')"


def _unknown(table: Table, name: str, early: str, stages: Value | None) -> dict[str, Value]:
    """The stages that a row does not tell, with one whose day cannot be."""
    if stages is None or not table.columns[name].lifecycle:
        return {}
    told = f"CASE WHEN {early} THEN {literal(name)} END"
    return {"unknown_stages": replace(stages, read=f"nullif(concat_ws(',', {stages.read}, {told}), '')")}
