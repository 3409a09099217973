"""The one way in: bring raw.* up to date from whatever source the settings name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError
from customer_health.progress import Progress, silent
from customer_health.settings import Settings
from customer_health.sources.identity import settle_ids
from customer_health.sources.money import settle
from customer_health.sources.source import LoadResult, Source
from customer_health.sources.source_registry import source_for
from customer_health.sources.told_states import settle_states
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables, scalar

if TYPE_CHECKING:
    import duckdb

IngestResult = LoadResult


def ingest(
    settings: Settings,
    *,
    as_of: date,
    progress: Progress | None = None,
    source: str | None = None,
    fetch: bool = True,
) -> IngestResult:
    """Load what is new or changed into raw.*; a second run loads nothing.

    Args:
        settings: Name the warehouse, and the data folder and mapping if the company is a real one.
        as_of: The day of the run.
        progress: Told about every file.
        source: Name of one source; default: the first that the settings use.
        fetch: Ask first for what lies elsewhere; False where a task of its own has done so.

    Raises:
        ConfigurationError: The mapping, or the folder, is wrong; or the warehouse holds another company.
        DataContractError: A file lacks a column that the mapping names.
        WarehouseBusyError: Another process holds the warehouse.
    """
    chosen = source_for(settings, source)
    if fetch:
        chosen.fetch(as_of=as_of, progress=progress or silent)
    spill = settings.home / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    bounded: dict[str, str | int] = {"temp_directory": str(spill), "memory_limit": "2GB"}
    places = [place for place in (settings.home, settings.data, settings.landing) if place]
    with open_warehouse(settings.warehouse_url, reads=places, options=bounded, locked=False) as con:
        create_tables(con)
        _claim(con, chosen)
        loaded = chosen.load(con, as_of=as_of, progress=progress or silent)
        settle_states(con)
        loaded.notes += settle_ids(con, as_of)
        loaded.notes += settle(con, settings.config.money)
        return loaded


def _claim(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Refuse to mix two companies in one warehouse: their account ids may collide without a sign."""
    held = scalar(con, "SELECT name FROM ops.company")
    if held is None:
        con.execute("INSERT INTO ops.company VALUES (?)", [source.company])
    elif held != source.company:
        raise ConfigurationError(
            f"This warehouse holds the data of '{held}'; the source brings '{source.company}'.",
            hint="Set CUSTOMER_HEALTH_HOME to another folder, or correct `company:` in the mapping.",
        )
