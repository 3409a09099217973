"""How many rows a drafted feed reads, tried on the rows that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from customer_health.errors import DataContractError
from customer_health.sources.decimals import decimal_of
from customer_health.sources.draft_look import SAMPLE, Look
from customer_health.sources.feed_sql import FeedCompiler
from customer_health.sources.mapping import Feed
from customer_health.sources.mapping_check import unfilled
from customer_health.warehouse.raw import first, scalar
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb


def reading_of(con: duckdb.DuckDBPyConnection, table: Table, look: Look, lines: Sequence[str]) -> str:
    """Return a sentence for the draft: rows that the feed reads, and what stands in the way of the rest.

    Empty for a feed that looks into other files.
    """
    readable = look.readable
    try:
        (raw,) = yaml.safe_load("\n".join(lines))
        feed = Feed.model_validate(raw)
    except (ValidationError, yaml.YAMLError, ValueError, TypeError):
        return "TODO reads nothing until the lines above are filled in"
    if feed.lookups() or readable is None:
        return ""
    missing = unfilled(table, feed)
    if missing:
        return f"TODO reads nothing until {', '.join(missing)} is mapped"
    try:
        decimal = feed.decimal or decimal_of(con, readable, table, feed)
        compiler = FeedCompiler(table, feed, readable, look.name, {}, as_of=date(2200, 1, 1), decimal=decimal)
    except DataContractError as error:
        return f"TODO reads nothing yet: {str(error).splitlines()[0]}"
    limited = f"(SELECT * FROM ({compiler.rows()}) LIMIT {SAMPLE})"
    good = int(scalar(con, f"SELECT count(*) FROM {limited}"))
    few = "" if look.whole else "first "
    said = f"reads {good:,} of the {few}{look.rows:,} rows"
    bad = compiler.compile().bad if good < look.rows else None
    worst = first(
        con,
        f"SELECT column_name, reason, min(value) FROM (SELECT * FROM ({bad}) LIMIT {SAMPLE}) "
        "GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 1",
    ) if bad else None  # fmt: skip
    return f"TODO {said}; {worst[0]} {worst[1]}: {worst[2]}" if worst else said
