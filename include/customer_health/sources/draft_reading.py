"""How many rows a drafted feed reads, tried on the rows that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from customer_health.errors import DataContractError
from customer_health.sources.columns import LEFT_OPEN
from customer_health.sources.counters import growing
from customer_health.sources.decimals import decimal_of
from customer_health.sources.draft_look import SAMPLE, Look
from customer_health.sources.feed_sql import FeedCompiler
from customer_health.sources.mapping import Feed
from customer_health.sources.mapping_check import unfilled
from customer_health.sources.wide_files import as_seen
from customer_health.warehouse.contracts import row_rules
from customer_health.warehouse.raw import first, scalar
from customer_health.warehouse.table import Table
from customer_health.wording import number, plural

if TYPE_CHECKING:
    import duckdb


_FAR = date(2200, 1, 1)  # a draft does not know the day of the run: no date lies ahead of it
COUNTER = "TODO only grows"
"""Said of a feed whose numbers are counters."""


def reading_of(con: duckdb.DuckDBPyConnection, table: Table, look: Look, lines: Sequence[str]) -> str:
    """Return a sentence for the draft: rows that the feed reads, and what stands in the way of the rest.

    Empty for a feed that looks into other files; `COUNTER` for one whose numbers only grow.
    """
    readable = look.readable
    try:
        (raw,) = yaml.safe_load("\n".join(lines))
        feed = Feed.model_validate(raw)
    except (ValidationError, yaml.YAMLError, ValueError, TypeError):
        return "TODO reads nothing until the lines above are filled in"
    if feed.lookups() or readable is None:
        return ""
    if feed.unpivot:
        readable = as_seen(readable, feed, look.name)
    missing = unfilled(table, feed)
    if missing:
        return f"TODO reads nothing until {', '.join(missing)} is mapped"
    try:
        decimal = feed.decimal or decimal_of(con, readable, table, feed)
        compiler = FeedCompiler(table, feed, readable, look.name, {}, as_of=_FAR, decimal=decimal)
    except DataContractError as error:
        return f"TODO reads nothing yet: {str(error).splitlines()[0]}"
    rows = look.rows
    limited = f"(SELECT * FROM ({compiler.rows()}) LIMIT {SAMPLE})"
    read = int(scalar(con, f"SELECT count(*) FROM {limited}"))
    good, kept_back = _kept_back(con, table, feed, limited)
    few = "" if look.whole else "first "
    if table.name == "usage" and feed.cumulative is None and growing(con, f"SELECT * FROM {limited}"):
        return COUNTER
    said = f"reads {number(good)} of the {few}{plural(rows, 'row')}"
    bad = compiler.compile().bad if read < rows else None
    if not bad:
        return f"TODO {said}; {kept_back}" if kept_back else said
    con.execute(f"CREATE OR REPLACE TEMP TABLE not_read AS SELECT * FROM ({bad}) LIMIT {SAMPLE}")
    hanging = con.execute(
        "SELECT column_name, count(*), list(DISTINCT value ORDER BY value)[:3] FROM not_read "
        "WHERE reason = ? GROUP BY 1 ORDER BY 2 DESC, 1",
        [LEFT_OPEN],
    ).fetchall()
    parts = [
        f"{plural(many, 'row hangs', 'rows hang')} on a TODO of {column} ({', '.join(words)})"
        for column, many, words in hanging
    ]
    worst = first(
        con,
        "SELECT column_name, reason, min(value) FROM not_read WHERE reason <> ? "
        "GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1",
        [LEFT_OPEN],
    )
    parts += [f"{worst[0]} {worst[1]}: {worst[2]}"] if worst else []
    parts += [kept_back] if kept_back else []
    return "; ".join([f"TODO {said}", *parts]) if parts else said


def _kept_back(con: duckdb.DuckDBPyConnection, table: Table, feed: Feed, rows: str) -> tuple[int, str]:
    """How many rows the gate would take, and why it keeps most of the others back: an empty score, say."""
    elsewhere = ("account_id.unknown", "occurred_at.future")  # other files, and another day, decide these
    rules = [rule for rule in row_rules(table, _FAR) if rule.name not in elsewhere]
    if feed.unless_followed:  # terms that have not ended only show that a customer goes on
        rules = [rule for rule in rules if rule.column not in table.clocks]
    counts = ", ".join(f"count(*) FILTER ({rule.broken})" for rule in rules)
    broken = " OR ".join(f"coalesce({rule.broken}, false)" for rule in rules)
    found = first(con, f"SELECT count(*) FILTER (NOT ({broken})), {counts} FROM {rows} t")
    assert found is not None
    many, worst = max(zip(found[1:], rules, strict=True), key=lambda pair: pair[0])
    return found[0], f"in {plural(many, 'row')} {worst.reason}" if many else ""
