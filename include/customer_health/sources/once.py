"""Each thing once: files with the same content, and events that several files bring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from customer_health.warehouse.contracts import literal

if TYPE_CHECKING:
    import duckdb

EVENT = "__event"
"""Column with the number of an event, in the rows of a feed that names its events."""


def event_number(columns: Sequence[str]) -> str:
    """Return SQL of a number of 128 bits for the columns (SQL of texts) that name an event."""
    return f"md5_number(concat_ws(chr(31), {', '.join(columns)}))"


def first_times(rows: str, row: str, source: str, table: str, file: str) -> str:
    """Return SQL of the rows whose event no other file brought before, each event once."""
    return (
        f"SELECT * FROM ({rows}) WHERE {EVENT} NOT IN (SELECT key FROM ops.events WHERE source = "
        f"{literal(source)} AND table_name = {literal(table)} AND file <> {literal(file)}) "
        f"QUALIFY row_number() OVER (PARTITION BY {EVENT} ORDER BY {row}) = 1"
    )


class Once:
    """Remembers what a source has brought.

    Args:
        con: The warehouse.
        source: Name of the source.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str) -> None:
        self._con, self._source = con, source

    def twins(self, table: str, file: str, digest: str, recipe: str) -> list[str]:
        """Return other loaded files of this content that were read by the same rules, the first one first."""
        rows = self._con.execute(
            "SELECT file FROM ops.files WHERE source = ? AND table_name = ? AND file <> ? AND sha256 = ? "
            "AND recipe = ? AND rows > 0 ORDER BY place, file",
            [self._source, table, file, digest, recipe],
        ).fetchall()
        return [str(row[0]) for row in rows]

    def claim(self, table: str, file: str, events: Iterable[str]) -> None:
        """Remember the events that a file has just brought, in place of those that it brought before.

        Args:
            table: Canonical table.
            file: The file.
            events: SELECTs of their numbers (`key`), one for each feed that names its events.
        """
        union = " UNION ".join(f"({numbers})" for numbers in events if numbers)
        if not union:
            return
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE events_brought AS SELECT DISTINCT * FROM ({union})")
        key = [self._source, table, file]
        self._con.execute("DELETE FROM ops.events WHERE source = ? AND table_name = ? AND file = ?", key)
        self._con.execute("INSERT INTO ops.events SELECT ?, ?, ?, key FROM events_brought", key)

    def forget(self, table: str, files: Iterable[str]) -> None:
        """Let files of named events be loaded again: one has changed, and others may hold its events."""
        for file in files:
            key = [self._source, table, file]
            self._con.execute("DELETE FROM ops.events WHERE source = ? AND table_name = ? AND file = ?", key)
            self._con.execute(
                "UPDATE ops.files SET recipe = '' WHERE source = ? AND table_name = ? AND file = ?", key
            )
