"""What a cell says beside its value: a currency, an unclear decimal, the state of a row as of today."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from customer_health.sources.amounts import ambiguous, code_of, currency_in, is_number, kind_of
from customer_health.sources.files import Readable
from customer_health.sources.magnitudes import unabridged
from customer_health.sources.mapping import Feed, Rule
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.table import Table

NO_MORE = ("ended", "paused", "unpaid")
"""States that a contract reached after it was in force."""


@dataclass(frozen=True)
class Value:
    """One canonical column as SQL.

    Attributes:
        given: What the source gives, before it is read as the column's type.
        read: The typed value, in terms of the alias `given` of this column.
        failed: True where something was given and cannot be read; empty if that cannot happen.
        reason: Why, for quarantine.
        shown: The value at fault, if it is not what is given.
    """

    given: str
    read: str
    failed: str = ""
    reason: str = ""
    shown: str = ""


def amounts_of(table: Table, rules: Mapping[str, Rule]) -> list[str]:
    """Return the columns of money that a feed fills from a column."""
    return [
        name
        for name, column in table.columns.items()
        if kind_of(column) == "money" and name in rules and rules[name].column is not None
    ]


def with_currency(
    table: Table, rules: Mapping[str, Rule], values: Mapping[str, Value], let: Callable[[str, str], str]
) -> tuple[Value | None, dict[str, Value]]:
    """Return the currency of a row that its amounts name, and where they contradict the row's own.

    Args:
        table: The table.
        rules: Its rules.
        values: Columns as they are read; amounts from columns of text are looked at.
        let: Gives a part of an expression a name (ColumnReader).
    """
    spoken = values.get("currency")
    named = [name for name in amounts_of(table, rules) if values[name].failed]
    if spoken is None or not named:
        return None, {}
    told = let("told", f"upper(trim({spoken.read}))")
    found, failed = [], {}
    for name in named:
        sign = let("sign", currency_in(unabridged(f"CAST(g.{identifier('g:' + name)} AS VARCHAR)", "money")))
        code = let("code", code_of(sign, told))
        found.append(code)
        failed[f"{name}:currency"] = Value(
            "NULL",
            "NULL",
            f"{sign} IS NOT NULL AND ({code} IS NULL OR {told} <> {code})",
            "names another currency than the row, or a sign that several share: map `currency:`",
        )
    return Value(spoken.given, f"coalesce({spoken.read}, {', '.join(found)})", spoken.failed), failed


def unclear(table: Table, values: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Yield where a number can be read in two ways, in a file that shows neither."""
    for name, column in table.columns.items():
        value = values[name]
        if is_number(column) and value.failed and value.given != "NULL":
            here = f"CAST(g.{identifier('g:' + name)} AS VARCHAR)"
            reason = "is a thousand times larger with a decimal comma than with a point: write `decimal:`"
            yield f"{name}:decimal", Value("NULL", "NULL", ambiguous(here, "[.,]"), reason)


def rules_of(table: Table, feed: Feed, file: Readable) -> dict[str, Rule]:
    """Return the feed's rules for a file: without optional ones whose column it lacks, and with the state of
    today as that of the row, where rows have no history."""
    rules = {
        name: rule
        for name, rule in feed.columns.items()
        if not (rule.optional and rule.column is not None and file.named(rule.column) is None)
    }
    if feed.status is not None and table.name != "contracts":
        rules["status"] = feed.status
    return rules


def status_of_today(table: Table, feed: Feed) -> Rule | None:
    """Return the rule for the state of a contract as of today, if that is what the source tells.

    So is a state in a row that begins with its term: it cannot have ended on the day it began.
    """
    if table.name != "contracts" or feed.status is not None:
        return feed.status if table.name == "contracts" else None
    status, start, since = (feed.columns.get(name) for name in ("status", "term_start", "occurred_at"))
    if status is None or status.column is None or start is None or since is None:
        return None
    at_start = since.same_as == "term_start" or (since.column is not None and since.column == start.column)
    return status if at_start else None


def untold(table: Table, rules: Mapping[str, Rule]) -> str | None:
    """Return the stages that the feed says nothing about, separated by commas; None if it tells all."""
    missing = [name for name, column in table.columns.items() if column.lifecycle and name not in rules]
    return ",".join(missing) or None


def moment_before(as_of: date) -> str:
    """Return SQL of the last moment before a day: when what a file of that day says was known."""
    return f"TIMESTAMP {literal(f'{as_of - timedelta(days=1)} 23:59:59')}"
