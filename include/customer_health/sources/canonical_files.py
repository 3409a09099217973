"""Parquet files that are in canonical columns already, such as those of the simulated company."""

from __future__ import annotations

from customer_health.errors import ConfigurationError
from customer_health.settings import Settings
from customer_health.sources.files import kind_of
from customer_health.sources.locate import Folder
from customer_health.sources.mapped_files import MappedFiles
from customer_health.sources.mapping import Feed, MappingFile, Rule
from customer_health.sources.source_registry import register
from customer_health.warehouse.tables import TABLES

SIMULATED = "company"
"""Folder under the home folder in which the simulated company keeps its files."""


def identity_mapping(folder: Folder, company: str) -> MappingFile:
    """Map every file called after a canonical table (`usage.parquet`, `usage-2026-01.parquet`,
    `usage/2026-01.parquet`) to that table, column by column.

    A fact that went on (a ticket that was solved) comes again in a later file; the last by name is right.

    Raises:
        ConfigurationError: No file carries the name of a canonical table.
    """
    tables: dict[str, list[Feed]] = {}
    for name in folder.names():
        if kind_of(name) not in (".parquet", ".pq"):
            continue
        top, _, rest = name.partition("/")
        table = top if rest else _table_of(top.rsplit(".", 1)[0])
        if table in TABLES:
            feeds = tables.setdefault(table, [])
            # Checked once per table: after a year of nights there are thousands of files.
            feeds.append(feeds[0].model_copy(update={"files": name}) if feeds else _feed(table, name))
    if not tables:
        raise ConfigurationError(
            f"{folder.url} holds no Parquet file called after a canonical table.",
            hint=f"Expected names such as accounts.parquet; tables: {', '.join(TABLES)}.",
        )
    return MappingFile(company=company, tables={name: tuple(feeds) for name, feeds in tables.items()})


def _feed(table: str, file: str) -> Feed:
    contract = TABLES[table]
    columns = {
        column: Rule(column=column, optional=contract.columns[column].optional)
        for column in contract.delivered
    }
    return Feed(files=file, columns=columns, repeated_keys="newest_wins")


def _table_of(stem: str) -> str:
    """Return the longest canonical name that the stem begins with, or the stem."""
    begins = [
        name for name in TABLES if stem == name or stem.startswith((f"{name}-", f"{name}_", f"{name}."))
    ]
    return max(begins, key=len, default=stem)


def no_source_named(settings: Settings) -> bool:
    """Whether the settings name no data at all: then the simulated company stands in."""
    return not (settings.data or settings.source_warehouse or settings.config.sources)


@register("simulated", applies=lambda settings: no_source_named(settings))
def create(settings: Settings) -> MappedFiles:
    """Return the source of the simulated company, whose files are written before it is loaded."""
    place = settings.home / SIMULATED
    place.mkdir(parents=True, exist_ok=True)
    folder = Folder(str(place), settings.home / "cache")
    return MappedFiles(folder, identity_mapping(folder, "the simulated company"), settings.home, "simulated")
