"""Every vendor file is a source: ask into raw files, then load these like any company's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError, suggest
from customer_health.progress import Progress
from customer_health.settings import Settings
from customer_health.sources.asking.binding import bound, connected, defaults
from customer_health.sources.asking.raw_files import address_of
from customer_health.sources.asking.reading import Reading
from customer_health.sources.asking.vendor_file import as_mapping, vendor_called
from customer_health.sources.locate import Folder
from customer_health.sources.mapped_files import MappedFiles
from customer_health.sources.mapping import MappingFile
from customer_health.sources.mapping_check import identity
from customer_health.sources.mapping_file import load_mapping
from customer_health.sources.source import LoadResult
from customer_health.sources.source_registry import register_each
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.raw import scalar
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb


class VendorSource:
    """One vendor, as one company uses it.

    Args:
        settings: The company file enables it; its connection stands in the secrets.
        name: Name of the source, in the company file.
        sleep: How to wait for the vendor's limits.
    """

    def __init__(self, settings: Settings, name: str, sleep: Callable[[float], None] | None = None) -> None:
        self._settings, self._name, self._sleep = settings, name, sleep
        self._options = settings.config.sources[name]
        vendor = vendor_called(self._options.vendor or name, settings.vendors)
        # What names fields is known without any secret: loading needs none.
        self.vendor = bound(vendor, {**defaults(vendor), **self._options.options})
        chosen = self._options.tables
        unknown = [table for table in chosen if table not in self.vendor.means]
        if unknown:
            raise ConfigurationError(
                f"sources.{name}.tables: {self.vendor.vendor} brings no '{unknown[0]}'.",
                hint=suggest(unknown[0], self.vendor.means),
            )

    @property
    def name(self) -> str:
        """Written to `_source`."""
        return self._name

    @property
    def late_hours(self) -> float:
        """Hours by which its data is behind: what the company says, or what the vendor says of itself."""
        return self.vendor.late if self._options.late_hours is None else self._options.late_hours

    @property
    def tables(self) -> tuple[str, ...]:
        """Canonical tables that it brings to this company."""
        return tuple(self._options.tables or self.vendor.means)

    @property
    def company(self) -> str:
        """Whose data it is: the same company as its files, if there are any."""
        if self._settings.mapping is not None:
            return load_mapping(self._settings.mapping).company
        return self._settings.config.name

    @property
    def connection(self) -> dict[str, str]:
        """Everything that the vendor file asks for, from the company file and from the connection.

        Raises:
            ConfigurationError: Something is missing.
        """
        given = {**self._options.options, **self._settings.secrets.get(self._name, {})}
        return connected(self.vendor, given)

    def fetch(self, *, as_of: date, progress: Progress) -> Reading:
        """Ask the vendor for what is new; needs no warehouse."""
        from customer_health.ledger.engine import open_ledger
        from customer_health.sources.asking.extract import Extraction

        extraction = Extraction(
            source=self._name,
            vendor=self.vendor,
            connection=self.connection,
            ledger=open_ledger(self._settings.ledger_url),
            address=self.address,
            as_of=as_of,
            wanted=self._wanted(),
            through=self._options.through,
            progress=progress,
            sleep=self._sleep,
            scratch=self._settings.home / "spill",
        )
        return extraction.run()

    @property
    def address(self) -> str:
        """Folder or fsspec URL under which all sources' files land."""
        return address_of(self._settings.home, self._settings.landing)

    def _wanted(self) -> frozenset[str] | None:
        """Resources that the chosen tables read; None for all."""
        if not self._options.tables:
            return None
        mapping = as_mapping(self.vendor, "any", self._options.tables)
        folders = {
            pattern.split("/")[0]
            for feeds in mapping.tables.values()
            for feed in feeds
            for pattern in (feed.files, *(lookup.file for lookup in feed.lookups() if lookup.file))
        }
        return frozenset(one.name for one in self.vendor.resources if folders & {one.name, *one.also})

    def load(self, con: duckdb.DuckDBPyConnection, *, as_of: date, progress: Progress) -> LoadResult:
        """Load what has landed."""
        place = f"{self.address.rstrip('/')}/{self._name}"
        if "://" not in place:
            from pathlib import Path

            Path(place).mkdir(parents=True, exist_ok=True)
        folder = Folder(place, self._settings.home / "cache")
        folder.look()
        if not folder.listed():
            return LoadResult(self._name)
        mapping = _as_changes(as_mapping(self.vendor, self.company, self._options.tables))
        files = MappedFiles(folder, mapping, self._settings.home, self._name)
        return _told_apart(con, files.load(con, as_of=as_of, progress=progress))


def _told_apart(con: duckdb.DuckDBPyConnection, result: LoadResult) -> LoadResult:
    """Count as replaced, not as new, the records of which an earlier load brought a state already."""
    for name, load in result.tables.items():
        known_by = identity(TABLES[name])
        if not load.files or known_by is None:
            continue
        here = f"FROM raw.{name} WHERE _source = ? AND {identifier(known_by)} IS NOT NULL"
        again = scalar(
            con,
            f"SELECT count(*) FROM (SELECT {identifier(known_by)} {here} AND _load_id = ? "
            f"INTERSECT SELECT {identifier(known_by)} {here} AND _load_id <> ?)",
            [result.source, result.load_id, result.source, result.load_id],
        )
        again = min(int(again or 0), load.new)
        load.new, load.updated = load.new - again, load.updated + again
    return result


def _as_changes(mapping: MappingFile) -> MappingFile:
    """What we ask for lands as changes: no file of it is a full export, from which other rows have gone."""
    tables = {
        name: tuple(
            feed.model_copy(update={"repeated_keys": "newest_wins"})
            if feed.repeated_keys == "latest_file"
            else feed
            for feed in feeds
        )
        for name, feeds in mapping.tables.items()
    }
    return mapping.model_copy(update={"tables": tables})


@register_each("vendor", names=lambda settings: sorted(settings.config.sources))
def create(settings: Settings, name: str) -> VendorSource:
    """Return a vendor that the company file enables.

    Raises:
        ConfigurationError: There is no such vendor, or its file is wrong.
    """
    return VendorSource(settings, name)
