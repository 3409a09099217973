"""What a canonical table demands of its rows, derived from the declarations in tables.py.

A row rule is a predicate that the warehouse evaluates, with the reason and the remedy that go into
quarantine. Nothing here knows where the rows came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from customer_health.warehouse.table import LARGEST, Column, Table, Type

EARLIEST = date(1990, 1, 1)
"""No fact of a subscription business is older: earlier dates are typing errors or epoch zeros."""

SCHEDULED_AHEAD = timedelta(days=3660)
"""How far ahead a contract may start or end before the date is taken for a typing error."""

LATEST = timedelta(days=30 * 365)
"""How far ahead any other date may lie: terms of more than thirty years are typing errors."""

PROVENANCE = {"_source": "VARCHAR", "_file": "VARCHAR", "_row": "BIGINT", "_load_id": "VARCHAR"}

UNKNOWN_ACCOUNT = "unknown account"
IN_THE_FUTURE = "in the future"


@dataclass(frozen=True)
class RowRule:
    """One demand on every row of a table.

    Attributes:
        name: `column.rule`, unique in its table; the name of its measurement.
        column: The column that is at fault.
        broken: SQL over the row (`t`) and its account (`k`, NULL if unknown); true where it
            must not go on.
        reason: What is wrong, for the person who opens the quarantine.
        remedy: What that person can do.
        lost: Whether such a row was not understood, rather than left empty, early, or somebody else's.
    """

    name: str
    column: str
    broken: str
    reason: str
    remedy: str
    lost: bool = True


def literal(value: object) -> str:
    """Quote a value as an SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Quote a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def ddl(table: Table) -> str:
    """Return the statement that creates the table in `raw`: contract columns, then provenance.

    Columns carry no NOT NULL: ingestion lands what it found and the gate moves what breaks the
    contract, so that one bad row never refuses a thousand good ones.
    """
    columns = [f"{identifier(name)} {column.type.value}" for name, column in table.columns.items()]
    columns += [f"{name} {kind}" for name, kind in PROVENANCE.items()]
    return f"CREATE TABLE IF NOT EXISTS raw.{table.name} ({', '.join(columns)})"


def row_rules(table: Table, as_of: date) -> tuple[RowRule, ...]:
    """Return every row rule of the table, the most basic first: a row is quarantined for the first it breaks.

    Args:
        table: The contract.
        as_of: Facts dated later than the day after it cannot have happened yet.
    """
    rules: list[RowRule] = []
    for name, column in table.columns.items():
        rules += _column_rules(name, column)
        if column.type in (Type.DATE, Type.TIMESTAMP) and not column.required:
            rules.append(_latest_rule(name, as_of))
    rules += _clock_rules(table, as_of)
    if "account_id" in table.columns and table.name != "accounts" and table.orphans == "quarantine":
        rules.append(_orphan_rule())
    return tuple(rules)


def _column_rules(name: str, column: Column) -> Iterator[RowRule]:
    c = f"t.{identifier(name)}"
    if column.required:
        blank = f" OR trim({c}) = ''" if column.type is Type.TEXT and column.default != "" else ""
        yield RowRule(
            f"{name}.required",
            name,
            f"({c} IS NULL{blank})",
            f"{name} is empty; the contract requires it",
            f"Fill {name} in the source, or map another column or a constant to it."
            if column.default is None
            else f"An empty {name} is unknown. If it means something, write `default:` in its rule.",
            lost=column.default is None,
        )
    if column.allowed:
        listed = ", ".join(literal(value) for value in column.allowed)
        yield RowRule(
            f"{name}.allowed",
            name,
            f"{c} NOT IN ({listed})",
            f"{name} is none of {', '.join(column.allowed)}",
            f"Add this value to `values:` of {name} in the mapping.",
        )
    if column.type is Type.NUMBER:
        yield RowRule(
            f"{name}.finite",
            name,
            f"({c} IS NOT NULL AND NOT isfinite({c}))",
            f"{name} is not a finite number",
            "Fix the number in the source; an unknown number must be empty.",
        )
        if column.maximum is None:
            yield RowRule(
                f"{name}.plausible",
                name,
                f"(isfinite({c}) AND abs({c}) > {LARGEST!r})",
                f"{name} is beyond {LARGEST:g}, which nobody counts",
                "Fix the number, or correct `scale:` in the mapping; an unknown number must be empty.",
            )
    unit = f" {column.unit}" if column.unit else ""
    if column.minimum is not None:
        yield RowRule(
            f"{name}.minimum",
            name,
            f"{c} < {column.minimum!r}",
            f"{name} is below {column.minimum:g}{unit}",
            "Fix the number, or correct `scale:` in the mapping.",
        )
    if column.maximum is not None:
        # In DuckDB NaN is larger than every number; `finite` has named it already.
        yield RowRule(
            f"{name}.maximum",
            name,
            f"{c} > {column.maximum!r}",
            f"{name} is above {column.maximum:g}{unit}",
            "Fix the number, or correct `scale:` in the mapping.",
        )
    for kind, (low, high) in column.ranges.items():
        yield RowRule(
            f"{name}.range_{kind}",
            name,
            f"(t.kind = {literal(kind)} AND isfinite({c}) AND {c} NOT BETWEEN {low!r} AND {high!r})",
            f"{name} of {kind} lies outside {low:g} to {high:g}",
            f"Another scale? Say so in its rule: `rescale: {{from: [1, 10], to: [{low:g}, {high:g}]}}`.",
        )
    if column.type in (Type.DATE, Type.TIMESTAMP):
        yield RowRule(
            f"{name}.earliest",
            name,
            f"{c} < DATE '{EARLIEST}'",
            f"{name} lies before {EARLIEST}, which is implausible",
            "Fix the date, or correct `format:` in the mapping; an unknown date must be empty.",
        )


def _latest_rule(name: str, as_of: date) -> RowRule:
    latest = as_of + LATEST
    return RowRule(
        f"{name}.latest",
        name,
        f"t.{identifier(name)} > DATE '{latest}'",
        f"{name} lies after {latest}, which is implausible",
        "Fix the date, or correct `format:` in the mapping; an unknown date must be empty.",
    )


def _clock_rules(table: Table, as_of: date) -> Iterator[RowRule]:
    horizon = as_of + (SCHEDULED_AHEAD if table.scheduled else timedelta(days=1))
    yield RowRule(
        "occurred_at.future",
        "occurred_at",
        f"t.occurred_at > TIMESTAMP '{horizon}'",
        f"occurred_at lies {IN_THE_FUTURE} of {as_of}",
        "Fix the date. If it is right, the row is loaded again by the first run whose day has reached it.",
        lost=False,
    )
    if not table.scheduled:
        yield RowRule(
            "known_at.before_it_happened",
            "known_at",
            "t.known_at < t.occurred_at - INTERVAL 1 DAY",
            "known_at lies more than a day before occurred_at",
            "A fact cannot be known before it happens: correct `known_at:` or `occurred_at:` in the mapping.",
        )


def _orphan_rule() -> RowRule:
    return RowRule(
        "account_id.unknown",
        "account_id",
        "(t.account_id IS NOT NULL AND k.known_account IS NULL)",
        f"{UNKNOWN_ACCOUNT}: accounts has no such account_id",
        "Is this a file of another company? Was the account merged into another: map `merged_ids` or "
        "`merged_into`. Otherwise add the account; then the row is loaded again.",
        lost=False,
    )
