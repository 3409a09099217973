"""Which sign begins the cents in a file: read off its numbers, or a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from customer_health.sources.amounts import ambiguous, evidence, is_number
from customer_health.sources.casting import as_text
from customer_health.sources.files import Readable
from customer_health.sources.magnitudes import folded
from customer_health.sources.mapping import Feed
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.raw import first
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb


def decimal_of(con: duckdb.DuckDBPyConnection, readable: Readable, table: Table, feed: Feed) -> str | None:
    """Return "." or ",", as the numbers that a feed reads show it; None if they only raise the question.

    One file has one sign: 12,50 in one column settles what 1.200 means in another. Where both signs are
    seen, it is the point, and the others are not numbers. Where cells name several currencies, each may be
    written in its country's way: CHF 12'000.50 does not settle what R$ 6.000 means. Fields are parted by
    semicolons where the comma begins the cents: there 1,250 raises the question, too.
    """
    columns = _numbers(readable, table, feed)
    if not columns:
        return "."
    shown = [evidence(folded(as_text(identifier(column), "VARCHAR"))) for column in columns]
    wanted = ", ".join(
        f"coalesce(bool_or({' OR '.join(kinds)}), false)" for kinds in zip(*shown, strict=True)
    )
    if readable.delimiter == ";":
        commas = " OR ".join(
            ambiguous(folded(as_text(identifier(column), "VARCHAR")), ",") for column in columns
        )
        wanted += f" OR coalesce(bool_or({commas}), false)"
    found = first(con, f"SELECT {wanted} FROM {readable.relation}")
    point, comma, asks = found or (False, False, False)
    if asks and len(_currencies(con, readable, columns)) > 1:
        return None
    if comma and not point:
        return ","
    return "." if point or not asks else None


def _currencies(con: duckdb.DuckDBPyConnection, readable: Readable, columns: Sequence[str]) -> set[str]:
    """What stands beside the numbers of some columns: signs and codes of currencies."""
    found: set[str] = set()
    for column in columns:
        text = as_text(identifier(column), "VARCHAR")
        beside = f"regexp_replace(upper({text}), '[-+0-9.,()\\s\u00a0\u202f''’]', '', 'g')"
        rows = con.execute(f"SELECT DISTINCT {beside} FROM {readable.relation} LIMIT 50").fetchall()
        found |= {sign for (sign,) in rows if sign}
    return found


def _numbers(readable: Readable, table: Table, feed: Feed) -> list[str]:
    found: list[str] = []
    for name, rule in feed.columns.items():
        wanted = [rule.column, *rule.times] if is_number(table.columns[name]) else []
        wanted += [rule.plus.column] if rule.plus is not None else []
        for column in wanted:
            known = readable.named(column) if column else None
            if known is not None and readable.columns[known] == "VARCHAR" and known not in found:
                found.append(known)
    return found
