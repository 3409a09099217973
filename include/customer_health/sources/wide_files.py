"""Files with a column per day, week or month: each cell of those columns is a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from customer_health.errors import DataContractError
from customer_health.sources.casting import as_text, none_of
from customer_health.sources.date_formats import DATE_FORMATS, reads
from customer_health.sources.files import Readable
from customer_health.sources.mapping import Feed
from customer_health.sources.rule_parts import Unpivot
from customer_health.warehouse.contracts import identifier, literal

HEADERS = (
    "iso",
    "iso_week",
    "%Y-%m-%d",
    *DATE_FORMATS,
    "%Y/%m",
    "%Y_%m",
    "%Y_%m_%d",
    "%Y%m",
    "%B %Y",
    "%b-%Y",
    "%b-%y",
    "%b %y",
)
"""Formats in which names of columns are tried."""


def as_seen(readable: Readable, feed: Feed, name: str) -> Readable:
    """Return a file as a feed sees it: lists unnested, periods unpivoted, and what it lacks filled in.

    Args:
        readable: The file.
        feed: The feed.
        name: Of the file, for messages.

    Raises:
        DataContractError: No column of a file to unpivot is named after a day, or some are by another format.
    """
    seen = readable.unnested(feed.rows, feed.source_columns()) if feed.rows else readable
    seen = _unpivoted(seen, feed, feed.unpivot, name) if feed.unpivot and seen.columns else seen
    return seen.with_columns(feed.source_columns()) if feed.sparse else seen


def periods(names: Iterable[str], formats: Iterable[str]) -> list[str]:
    """Return the names that one of the formats reads."""
    wanted = tuple(formats)
    return [name for name in names if any(reads(name.strip(), one) for one in wanted)]


def _unpivoted(readable: Readable, feed: Feed, unpivot: Unpivot, file: str) -> Readable:
    formats = (unpivot.format,) if isinstance(unpivot.format, str) else unpivot.format
    shown = {readable.spelled.get(column, column): column for column in readable.columns}
    chosen = periods(shown, formats)
    used = {readable.named(name) for name in feed.source_columns()}
    other = [n for n in periods(shown, HEADERS) if n not in chosen and shown[n] not in used]
    if not chosen or other:
        said = (
            f"has columns named after a day that `format:` does not read, such as '{other[0]}'"
            if other
            else f"has no column whose name is a day by {', '.join(formats)}"
        )
        raise DataContractError(
            f"{file} {said}; its columns: {', '.join(shown)}.",
            hint="Write in `unpivot:` the format of all of them, or a list of formats.",
        )
    kept = [column for name, column in shown.items() if name not in chosen]
    cells = [
        none_of(as_text(identifier(shown[name]), readable.columns[shown[name]]), feed.empty)
        for name in chosen
    ]
    parts = [
        *map(identifier, [*kept, "__row"]),
        f"unnest([{', '.join(literal(name.strip()) for name in chosen)}]) AS {identifier(unpivot.header)}",
        f"unnest([{', '.join(cells)}]) AS {identifier(unpivot.cell)}",
    ]
    relation = (
        f"(SELECT * FROM (SELECT {', '.join(parts)} FROM {readable.relation}) "
        f"WHERE {identifier(unpivot.cell)} IS NOT NULL)"
    )
    columns = {name: readable.columns[name] for name in kept}
    added = dict.fromkeys((unpivot.header, unpivot.cell), "VARCHAR")
    return replace(readable, relation=relation, columns={**columns, **added})
