"""The files and tables through which a mapping translates values, and what happens when they change.

Of several files the newest by name knows best. A record that moved (an organization that now belongs to
another account) makes every file that was translated through it be read again; a record that is merely new
does so only for files whose rows were waiting for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError, DataContractError, suggest
from customer_health.sources.casting import as_text, holds, none_of
from customer_health.sources.cell_words import site
from customer_health.sources.files import ROW, Readable, make_readable
from customer_health.sources.locate import Folder
from customer_health.sources.mapping import Feed
from customer_health.sources.rule_parts import Lookup
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.raw import first, scalar
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

Key = tuple[str, str, str]
NOT_AMONG = "is not among the"
"""Begins the reason of a row whose value a lookup does not know."""


class Lookups:
    """Reads lookups into temporary tables, each once.

    Args:
        con: The warehouse.
        folder: The data folder.
        place: Returns a new empty folder for temporary files.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Folder, place: Callable[[], Path]) -> None:
        self._con, self._folder, self._place = con, folder, place
        self._tables: dict[Key, str] = {}
        self._moved: dict[Key, str] = {}

    def of(self, feeds: Sequence[Feed]) -> Mapping[Key, str]:
        """Return (place, key, value) -> temporary table, those of the feeds among them."""
        for feed in feeds:
            for lookup in feed.lookups():
                self._table(lookup, feed)
        return self._tables

    def moved(self, source: str, feeds: Sequence[Feed]) -> str:
        """Return a digest of all records that have changed their answer over time; empty if none has.

        It is kept with the state of the files that it was taken from, so that unchanged ones are not read.
        """
        found = [self._moved_of(source, lookup, feed) for feed in feeds for lookup in feed.lookups()]
        return hashlib.sha256("".join(found).encode()).hexdigest() if any(found) else ""

    def answer(self, feeds: Sequence[Feed], waiting: Iterable[str]) -> bool:
        """Whether one of the values that rows wait for is known by now."""
        values = [literal(value) for value in waiting]
        if not values:
            return False
        firsts = [
            (lookup, feed)
            for feed in feeds
            for rule in feed.rules()
            for lookup in (rule.lookup, rule.plus.lookup if rule.plus else None)
            if lookup is not None
        ]
        return any(
            first(
                self._con,
                f"SELECT 1 FROM {self._table(lookup, feed)} WHERE __value IS NOT NULL "
                f"AND __key IN ({', '.join(values)}) LIMIT 1",
            )
            for lookup, feed in firsts
        )

    def _table(self, lookup: Lookup, feed: Feed) -> str:
        key = (lookup.place, lookup.key, lookup.value)
        if key not in self._tables:
            name = f"lookup_{len(self._tables)}"
            self._tables[key] = name
            read = self._read_files if lookup.file else self._read_table
            self._moved[key] = read(name, lookup, feed)
        return self._tables[key]

    def _moved_of(self, source: str, lookup: Lookup, feed: Feed) -> str:
        key = (lookup.place, lookup.key, lookup.value)
        files = self._folder.matching(lookup.file) if lookup.file else []
        if lookup.file and len(files) < 2:
            return ""
        listed = "".join(f"{file.name}:{file.size}:{file.modified};" for file in files)
        state = hashlib.sha256(listed.encode()).hexdigest()
        here = "source = ? AND place = ? AND key = ? AND value = ?"
        if lookup.file and key not in self._moved:
            known = first(
                self._con, f"SELECT moved FROM ops.lookups WHERE {here} AND state = ?", [source, *key, state]
            )
            if known is not None:
                return str(known[0])
        self._table(lookup, feed)
        self._con.execute(f"DELETE FROM ops.lookups WHERE {here}", [source, *key])
        self._con.execute(
            "INSERT INTO ops.lookups VALUES (?, ?, ?, ?, ?, ?)", [source, *key, state, self._moved[key]]
        )
        return self._moved[key]

    def _read_table(self, name: str, lookup: Lookup, feed: Feed) -> str:
        """Read a canonical table as far as it is loaded; a key with two answers has none."""
        table = TABLES.get(lookup.table)
        absent = [one for one in (lookup.key, lookup.value) if table is None or one not in table.columns]
        if table is None or absent:
            raise ConfigurationError(
                f"A lookup names '{lookup.table}.{absent[0]}', which is not a column of a canonical table.",
                hint=suggest(absent[0], table.columns if table else TABLES),
            )
        key, value = f"lower(trim({identifier(lookup.key)}))", identifier(lookup.value)
        key = site(key) if lookup.key == "domain" else key  # a CRM keeps https://www.acme.com/ there
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {key} AS __key, "
            f"CAST(min({value}) AS VARCHAR) AS __value FROM raw.{table.name} "
            f"WHERE {key} <> '' GROUP BY 1 HAVING count(DISTINCT {value}) = 1"
        )
        return self._digest(f"SELECT __key AS k, __value AS v FROM {name}")

    def _read_files(self, name: str, lookup: Lookup, feed: Feed) -> str:
        files = self._folder.matching(lookup.file)
        if not files and not feed.sparse:
            raise ConfigurationError(
                f"The mapping looks up '{lookup.file}'; {self._folder.url} has no such file.",
                hint=suggest(lookup.file, self._folder.names()),
            )
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} (__key VARCHAR, __value VARCHAR)")
        self._con.execute("CREATE OR REPLACE TEMP TABLE lookup_moved (k VARCHAR, v VARCHAR)")
        for file in files:
            readable = make_readable(self._con, file.path, feed, self._place())
            named = (lookup.key, lookup.value, *lookup.where)
            readable = readable.with_columns(named) if feed.sparse else readable
            if not readable.columns:
                continue
            key, value = (_text_of(readable, name_, file.name, feed) for name_ in (lookup.key, lookup.value))
            counts = _holds(readable, lookup, file.name, feed)
            if not feed.sparse:
                pairs = f"SELECT {key}, {value} FROM {readable.relation} WHERE {counts}"
                self._refuse_ambiguous(lookup, file.name, pairs)
            # Files of a vendor hold a record in all its states: there the last row counts.
            self._con.execute(
                f"CREATE OR REPLACE TEMP TABLE lookup_new AS SELECT {key} AS k, "
                f"arg_max_null({value}, {ROW}) AS v FROM {readable.relation} "
                f"WHERE {key} IS NOT NULL AND {counts} GROUP BY 1"
            )
            self._con.execute(
                f"INSERT INTO lookup_moved SELECT k, v FROM lookup_new JOIN {name} ON __key = k "
                "WHERE v IS DISTINCT FROM __value"
            )
            self._con.execute(f"DELETE FROM {name} WHERE __key IN (SELECT k FROM lookup_new)")
            self._con.execute(f"INSERT INTO {name} SELECT k, v FROM lookup_new")
        return self._digest(f"SELECT DISTINCT k, __value AS v FROM lookup_moved JOIN {name} ON __key = k")

    def _refuse_ambiguous(self, lookup: Lookup, file: str, pairs: str) -> None:
        """Refuse a file that answers one key in two ways: either answer would be a guess."""
        found = first(
            self._con,
            f"SELECT k, min(v), max(v) FROM ({pairs}) p(k, v) WHERE k IS NOT NULL GROUP BY 1 "
            "HAVING min(v) <> max(v) ORDER BY 1 LIMIT 1",
        )
        if found:
            raise DataContractError(
                f"{file} has two answers for {lookup.key} '{found[0]}': {lookup.value} '{found[1]}' and "
                f"'{found[2]}'.",
                hint="Is `key:` of the lookup the right column? Otherwise correct one of the two rows.",
            )

    def _digest(self, pairs: str) -> str:
        found = scalar(
            self._con,
            f"SELECT md5(string_agg(k || chr(1) || coalesce(v, chr(2)), chr(3) ORDER BY k)) FROM ({pairs})",
        )
        return str(found or "")


def _holds(readable: Readable, lookup: Lookup, file: str, feed: Feed) -> str:
    """Return SQL of which rows of a lookup's file count."""
    tests = []
    for name, condition in lookup.where.items():
        column = _named(readable, name, file)
        tests.append(holds(column, readable.columns[column], condition, feed.decimal or ".", feed.empty))
    return " AND ".join(tests) or "true"


def _text_of(readable: Readable, name: str, file: str, feed: Feed) -> str:
    column = _named(readable, name, file)
    return none_of(as_text(identifier(column), readable.columns[column]), feed.empty)


def _named(readable: Readable, name: str, file: str) -> str:
    column = readable.named(name)
    if column is None:
        raise DataContractError(
            f"A lookup needs column '{name}' of {file}.\n  columns found: {', '.join(readable.names())}",
            hint=suggest(name, readable.names()),
        )
    return column
