"""Which files a source has loaded before, and which of them still have rows in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


class KnownFiles:
    """What one load knows of earlier ones.

    Asked once for a table instead of three times for a file: folders of daily files hold thousands. What the
    load lands itself is not in it, and no file is asked about after it has landed.

    Args:
        con: The warehouse.
        source: Name of the source.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, source: str) -> None:
        self._con, self._source = con, source
        self._files: dict[str, dict[str, tuple[Any, ...]]] = {}
        self._waiting: set[tuple[str, str]] | None = None

    def of(self, table: str) -> dict[str, tuple[Any, ...]]:
        """Return file -> size, modified, sha256, recipe and rows, of a table's loaded files."""
        if table not in self._files:
            found = self._con.execute(
                "SELECT file, size, modified, sha256, recipe, rows FROM ops.files "
                "WHERE source = ? AND table_name = ?",
                [self._source, table],
            ).fetchall()
            self._files[table] = {row[0]: row[1:] for row in found}
        return self._files[table]

    def has_waiting(self, table: str, file: str) -> bool:
        """Whether any row of a file was in quarantine when the load began; next to none has."""
        if self._waiting is None:
            found = self._con.execute(
                "SELECT DISTINCT table_name, file FROM quarantine.rows WHERE source = ?", [self._source]
            ).fetchall()
            self._waiting = {(one, other) for one, other in found}
        return (table, file) in self._waiting

    def changed(self, table: str) -> None:
        """Ask again: a file of the table was forgotten."""
        self._files.pop(table, None)
