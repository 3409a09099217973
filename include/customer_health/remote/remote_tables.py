"""A company's tables that already lie in a warehouse: small ones are copied, usage stays where it is.

Everything but usage is at most some rows per account and week. It is copied whole, as Parquet, and then
goes the way of every file: mapping, gate, quarantine. Usage is the one large table; `build_signals`
reduces it inside the company's warehouse (remote/remote_usage.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, DataContractError, suggest
from customer_health.progress import Progress
from customer_health.remote.company_warehouse import SourceWarehouse, open_source
from customer_health.remote.pushdown import PUSHED
from customer_health.settings import Settings
from customer_health.sources.locate import Folder
from customer_health.sources.mapped_files import MappedFiles
from customer_health.sources.mapping import Feed, MappingFile, Rule
from customer_health.sources.mapping_file import load_mapping
from customer_health.sources.rule_parts import Lookup
from customer_health.sources.source import LoadResult
from customer_health.sources.source_registry import register
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

COPIES = "warehouse-copies"
"""Folder under the home folder that holds the copies of the last load."""


def warehouse_mapping(settings: Settings, source: SourceWarehouse) -> MappingFile:
    """Return how the tables of the source warehouse become canonical ones.

    Without a mapping file, the tables of `source_schema` that carry a canonical name are taken as they are.

    Raises:
        ConfigurationError: No table is named, or the mapping is wrong.
    """
    if settings.mapping is not None:
        mapping = load_mapping(settings.mapping).part(in_warehouse=True)
        if mapping.tables:
            return mapping
        raise ConfigurationError(
            f"{settings.mapping} names no table of the source warehouse.",
            hint="Write `table: schema.name` instead of `files:` for what lies there.",
        )
    schema = settings.source_schema
    found = {name.casefold(): name for name in source.tables(schema)}
    tables = {name: (_identity(f"{schema}.{found[name]}", source, name),) for name in TABLES if name in found}
    missing = [name for name, table in TABLES.items() if table.required and name not in tables]
    if missing:
        raise ConfigurationError(
            f"Schema '{schema}' of the source warehouse has no table {' and no table '.join(missing)}.",
            hint="Describe your tables in a mapping file (`table: schema.name`), or set "
            "CUSTOMER_HEALTH_SOURCE_SCHEMA.",
        )
    return MappingFile(company="the source warehouse", tables=tables)


def _identity(place: str, source: SourceWarehouse, name: str) -> Feed:
    present = {column.casefold() for column in source.table(place).columns}
    columns = {column: Rule(column=column) for column in TABLES[name].columns if column in present}
    return Feed(table=place, columns=columns)


class WarehouseTables:
    """Copies the tables that a mapping names, and loads the copies.

    Args:
        settings: Name the source warehouse, the mapping and the home folder.
    """

    name = "warehouse"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        assert settings.source_warehouse is not None
        with open_source(settings.source_warehouse) as source:
            self._mapping = warehouse_mapping(settings, source)

    @property
    def company(self) -> str:
        """Whose data it is."""
        return self._mapping.company

    def fetch(self, *, as_of: date, progress: Progress) -> None:
        """Nothing lies elsewhere: `load` copies what it needs."""

    def load(self, con: duckdb.DuckDBPyConnection, *, as_of: date, progress: Progress) -> LoadResult:
        """Copy, then load what is new or changed; see `Source`."""
        assert self._settings.source_warehouse is not None
        folder = self._settings.home / COPIES
        folder.mkdir(parents=True, exist_ok=True)
        copied = {name: feeds for name, feeds in self._mapping.tables.items() if name not in PUSHED}
        with open_source(self._settings.source_warehouse) as source:
            copied = {name: tuple(_there(source, feed) for feed in feeds) for name, feeds in copied.items()}
            wanted = _wanted(copied)
            for done, (table, columns) in enumerate(wanted.items()):
                progress(done, len(wanted), f"copying {table}")
                _copy(source, table, columns, folder / _file_of(table))
        mapping = self._mapping.model_copy(
            update={"tables": {name: tuple(map(_as_files, feeds)) for name, feeds in copied.items()}}
        )
        files = MappedFiles(
            Folder(str(folder), self._settings.home / "cache"), mapping, self._settings.home, self.name
        )
        result = files.load(con, as_of=as_of, progress=progress)
        result.notes += [
            f"{name} stays in the source warehouse and is reduced there."
            for name in PUSHED
            if name in self._mapping.tables
        ]
        result.notes += self._mapping.notes
        return result


def _file_of(table: str) -> str:
    return f"{table.casefold()}.parquet"


def _there(source: SourceWarehouse, feed: Feed) -> Feed:
    """The same feed without optional rules whose column its table lacks."""
    if not any(rule.optional for rule in feed.columns.values()):
        return feed
    present = {column.casefold() for column in source.table(feed.table).columns}
    rules = {
        name: rule
        for name, rule in feed.columns.items()
        if not (rule.optional and rule.column is not None and rule.column.strip().casefold() not in present)
    }
    return feed.model_copy(update={"columns": rules})


def _as_files(feed: Feed) -> Feed:
    """The same feed, reading the copies."""
    columns = {name: _as_file_rule(rule) for name, rule in feed.columns.items()}
    return feed.model_copy(update={"files": _file_of(feed.table), "table": "", "columns": columns})


def _as_file_rule(rule: Rule) -> Rule:
    plus = rule.plus
    if plus is not None and plus.lookup is not None:
        plus = plus.model_copy(update={"lookup": _as_file_lookup(plus.lookup)})
    lookup = _as_file_lookup(rule.lookup) if rule.lookup else None
    return rule.model_copy(update={"lookup": lookup, "plus": plus})


def _as_file_lookup(lookup: Lookup) -> Lookup:
    then = _as_file_lookup(lookup.then) if lookup.then else None
    file = _file_of(lookup.file) if lookup.file else ""
    return lookup.model_copy(update={"file": file, "then": then})


def _wanted(mapped: Mapping[str, Sequence[Feed]]) -> dict[str, dict[str, bool]]:
    """Tables to be copied, the columns that rules read of them, and whether each has to be there."""
    found: dict[str, dict[str, bool]] = {}

    def want(table: str, columns: Iterable[str], needed: bool) -> None:
        known = found.setdefault(table, {})
        known.update({column: known.get(column, False) or needed for column in columns})

    for name, feeds in mapped.items():
        for feed in feeds:
            may_lack = _may_lack(name, feed)
            want(feed.table, may_lack, False)
            want(feed.table, set(feed.source_columns()) - may_lack, True)
            for lookup in feed.lookups():
                if lookup.file:
                    want(lookup.file, (lookup.key, lookup.value), True)
                    want(lookup.file, lookup.where, not feed.sparse)
    return found


def _may_lack(name: str, feed: Feed) -> set[str]:
    """Columns that a table may lack, as loaders' connections differ: none that a row cannot do without."""
    if not feed.sparse:
        return set()
    columns = TABLES[name].columns
    needed = {rule.column for column, rule in feed.columns.items() if columns[column].required}
    return set(feed.source_columns()) - needed - set(feed.where)


def _copy(source: SourceWarehouse, name: str, columns: Mapping[str, bool], path: Path) -> None:
    """Write the named columns of a table to a Parquet file, in a steady order of rows.

    Args:
        source: Where the table lies.
        name: Its name.
        columns: Column -> whether it has to be there.
        path: The file.
    """
    import pyarrow.parquet as pq

    table = source.table(name)
    known = {column.casefold(): column for column in table.columns}
    there = [column for column in sorted(columns) if column.strip().casefold() in known]
    missing = [column for column in sorted(columns) if columns[column] and column not in there]
    if missing:
        raise DataContractError(
            f"{name} of the source warehouse has no column '{missing[0]}'\n"
            f"  columns found: {', '.join(table.columns)}",
            hint=f"{suggest(missing[0], table.columns)} Correct the mapping, or the table.",
        )
    chosen = dict.fromkeys(known[column.strip().casefold()] for column in there)
    rows = table.select(**{column: _plain(table[column]) for column in chosen})
    fresh = path.with_suffix(".new")
    with (
        source.batches(rows.order_by(list(chosen))) as reader,
        pq.ParquetWriter(fresh, reader.schema) as file,
    ):
        for batch in reader:
            file.write_batch(batch)
    fresh.replace(path)


def _plain(column: Any) -> Any:
    """Keep what files know: text, numbers, true and false, dates. The rest becomes text, times become UTC."""
    kind = column.type()
    if kind.is_decimal():
        return column.cast("float64")
    if kind.is_timestamp():
        return column.cast("timestamp(6)")
    plain = kind.is_integer() or kind.is_floating() or kind.is_boolean() or kind.is_date() or kind.is_string()
    return column if plain else column.cast("string")


@register("warehouse", applies=lambda settings: settings.source_warehouse is not None)
def create(settings: Settings) -> WarehouseTables:
    """Return the source of the company's own warehouse.

    Raises:
        ConfigurationError: None is named, its driver is not installed, or the mapping is wrong.
    """
    if settings.source_warehouse is None:
        raise ConfigurationError(
            "No source warehouse is named.", hint="Set CUSTOMER_HEALTH_SOURCE_WAREHOUSE=postgresql://..."
        )
    return WarehouseTables(settings)
