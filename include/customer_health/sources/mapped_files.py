"""A company's own files, described by a mapping."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError, suggest
from customer_health.progress import Progress
from customer_health.settings import Settings
from customer_health.sources.counters import refuse_counters
from customer_health.sources.date_formats import refuse_swapped
from customer_health.sources.decimals import decimal_of
from customer_health.sources.feed_sql import FeedCompiler
from customer_health.sources.file_order import check_order, place_of
from customer_health.sources.files import Readable, make_readable
from customer_health.sources.landing import Landing, Unit
from customer_health.sources.locate import DataFile, Folder, file_before
from customer_health.sources.lookups import Lookups
from customer_health.sources.mapping import Feed, MappingFile
from customer_health.sources.mapping_file import load_mapping
from customer_health.sources.reading_notes import ended_early
from customer_health.sources.source import LoadResult, in_order
from customer_health.sources.source_registry import register
from customer_health.sources.wide_files import as_seen
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

Files = Sequence[tuple[DataFile, list[Feed]]]
Plan = list[tuple[Table, list[tuple[DataFile, list[Feed]]]]]
_COMPILER = 5  # raise it when compiled rules change their meaning: every file is then loaded again


class MappedFiles:
    """Loads files of a folder by the rules of a mapping.

    Args:
        folder: The data folder.
        mapping: The rules.
        home: Folder for working files.
        name: Name of the source.
    """

    def __init__(self, folder: Folder, mapping: MappingFile, home: Path, name: str = "files") -> None:
        self._folder, self._mapping, self._home, self._name = folder, mapping, home, name
        self._as_of = date.min

    @property
    def name(self) -> str:
        """Written to `_source`."""
        return self._name

    @property
    def company(self) -> str:
        """Whose data it is."""
        return self._mapping.company

    def fetch(self, *, as_of: date, progress: Progress) -> None:
        """Nothing lies elsewhere: the files are read where they are."""

    def load(self, con: duckdb.DuckDBPyConnection, *, as_of: date, progress: Progress) -> LoadResult:
        """Load every file that is new or changed.

        Raises:
            ConfigurationError: The folder is empty, or a file that the mapping names is not there.
            DataContractError: A file lacks a column that the mapping names.
        """
        self._as_of = as_of
        self._folder.look()
        self._folder.names()
        plan = self._plan()
        landing = Landing(con, self._name, as_of, self._home / "dlt")
        staying = self._let_go(plan, landing)
        done = 0
        self._home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._home, prefix="reading-") as scratch:
            work = _Workshop(con, self._folder, Path(scratch), self._name)
            for table, files in plan:
                for file, feeds in files:
                    progress(done, sum(len(files) for _, files in plan), f"{table.name}: {file.name}")
                    done += 1
                    unit = self._unit(table, file, feeds, files, work.lookups.moved(self._name, feeds))
                    waiting = landing.waiting_for_lookup(unit)
                    loaded = not work.lookups.answer(feeds, waiting) and landing.is_loaded(unit)
                    if not loaded and not landing.is_copy(unit, staying[table.name]):
                        work.land(landing, unit, feeds, self._mapping.tables[table.name])
                if table.name == "accounts":
                    # Later files look for accounts that their quarantined rows were waiting for.
                    landing.flush()
            landing.flush()
        usage = self._mapping.tables.get("usage", ())
        settled = [feed for feed in usage if feed.cumulative is not None or feed.event_id]
        if len(settled) < len(usage):
            names = [file.name for feed in settled for file in self._folder.matching(feed.files)]
            refuse_counters(con, self._name, names)
        by_file = {
            file.name: re.sub(r"\d+([-_.]?\d+)*", "*", feed.files)  # usage-2026-05 and usage-2026-06 are one
            for feed in usage
            for file in self._folder.matching(feed.files)
        }
        if len(set(by_file.values())) > 1:
            landing.result.notes += ended_early(con, self._name, by_file)
        progress(done, done, "files loaded")
        return landing.result

    def _let_go(self, plan: Plan, landing: Landing) -> dict[str, set[str]]:
        """Settle what becomes of files that are gone, before others are held against them.

        Returns:
            Table -> files whose rows stay.
        """
        staying: dict[str, set[str]] = {}
        for table, files in plan:
            present = {file.name for file, _ in files}
            staying[table.name] = set(present)
            for name in landing.gone(table, sorted(present)):
                wish = self._wish_for(table.name, name)
                if wish == "retire" and present:
                    landing.retire(table, name)
                    self._tell_apart_again(table, files, landing)
                    continue
                staying[table.name].add(name)
                if wish != "keep":
                    landing.keep(table, name)
            named = [(file, feeds) for file, feeds in files if any(feed.event_id for feed in feeds)]
            if any(landing.has_changed(table, file) for file, _ in named):
                self._tell_apart_again(table, files, landing)
        return staying

    def _tell_apart_again(self, table: Table, files: Files, landing: Landing) -> None:
        """Load all files of named events again: what one of them no longer holds, another may."""
        named = [file.name for file, feeds in files if any(feed.event_id for feed in feeds)]
        landing.forget(table, named)

    def _unit(self, table: Table, file: DataFile, feeds: Sequence[Feed], files: Files, moved: str) -> Unit:
        recipe, place = self._recipe(file.name, feeds, files, moved), place_of(file.name, feeds[0].order)
        return Unit(table, file, recipe, feeds[0].repeats, place, feeds[0].files)

    def _plan(self) -> Plan:
        plan = []
        for name in in_order(self._mapping.tables):
            by_file: dict[str, tuple[DataFile, list[Feed]]] = {}
            for number, feed in enumerate(self._mapping.tables[name]):
                files = self._folder.matching(feed.files)
                if not files and not feed.optional:
                    self._refuse(f"tables.{name}[{number}].files", feed.files)
                for file in files:
                    by_file.setdefault(file.name, (file, []))[1].append(feed)
                if feed.repeats in ("latest_file", "newest_wins", "replace_day"):
                    check_order([file.name for file in files], feed.order, f"tables.{name}[{number}]")
            ordered = sorted(by_file, key=lambda file: place_of(file, by_file[file][1][0].order))
            plan.append((TABLES[name], [by_file[file] for file in ordered]))
        return plan

    def _refuse(self, place: str, pattern: str) -> None:
        names = self._folder.names()
        raise ConfigurationError(
            f"The mapping's {place} names '{pattern}'; {self._folder.url} has no such file.",
            hint=f"{suggest(pattern, names)} Write `optional: true` if the file may be absent.",
        )

    def _wish_for(self, table: str, name: str) -> str | None:
        """What the feed that a file belonged to says about files that are gone."""
        path = PurePosixPath(name)
        feeds = [feed for feed in self._mapping.tables[table] if feed.files and path.match(feed.files)]
        return feeds[0].removed_files if feeds else None

    def _recipe(self, file: str, feeds: Sequence[Feed], files: Files, moved: str) -> str:
        # A table of a warehouse was copied to a file, which is named already.
        dumped = [feed.model_dump(mode="json", exclude={"table", "files", "removed_files"}) for feed in feeds]
        # What a file says depends on all others in which a term may go on, and on the days that have passed.
        around: list[Any] = []
        for feed in feeds:
            earlier = [one for one, theirs in files if feed.cumulative and feed in theirs]
            before = file_before(earlier, file, feed.order) if earlier else None
            around += [(before.name, before.sha256())] if before else []
        if any(feed.unless_followed for feed in feeds):
            around.append(self._as_of.isoformat())
            for one, theirs in files:
                rules = [feed.model_dump(mode="json") for feed in theirs if feed.unless_followed]
                around += [(one.name, one.sha256(), rules)] if rules else []
        recipe = json.dumps([*dumped, *around, *([moved] if moved else [])], sort_keys=True)
        return hashlib.sha256(f"{_COMPILER}:{recipe}".encode()).hexdigest()


class _Workshop:
    """Reads files and lookups into the session, into temporary places that go away with the load."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Folder, scratch: Path, source: str) -> None:
        self._con, self._folder, self._scratch, self._source = con, folder, scratch, source
        self._places = 0
        self.lookups = Lookups(con, folder, self._place)

    def land(
        self, landing: Landing, unit: Unit, feeds: Sequence[Feed], siblings: Sequence[Feed] = ()
    ) -> None:
        """Land one file; terms that it ends may go on in the files of any of the siblings."""
        readable = make_readable(self._con, unit.file.path, feeds[0], self._place())
        if not readable.columns:
            landing.result.notes.append(f"{unit.file.name} is empty: no header, no rows.")
            landing.land(unit, readable, [])
            return
        if readable.encoding not in ("", "utf-8", "utf-8-sig"):
            landing.result.notes.append(
                f"{unit.file.name} was read as {readable.encoding}; set `encoding:` if names look wrong."
            )
        if not readable.rows:
            landing.result.of(unit.table.name).files_empty += 1
        lookups = self.lookups.of(feeds)
        compiled = []
        for feed in feeds:
            refuse_swapped(self._con, readable, unit.table, feed, unit.file.name)
            others = self._followers(unit, feed, siblings, landing.as_of) if feed.unless_followed else []
            seen = as_seen(readable, feed, unit.file.name)
            compiler = self._compiler(unit, feed, seen, unit.file.name, lookups, landing.as_of)
            before = self._before(unit, feed, landing.as_of) if feed.cumulative else ""
            compiled.append(compiler.compile(others, before))
        if len(feeds) > 1 and all(feed.combine == "sum" for feed in feeds):
            # What several feeds say of one key in one file adds up, as it does within each of them.
            every = " UNION ALL ".join(one.good for one in compiled)
            compiled = [replace(one, good="") for one in compiled]
            compiled[0] = replace(compiled[0], good=compiler.summed(every))
        landing.land(unit, readable, compiled)

    def _compiler(
        self,
        unit: Unit,
        feed: Feed,
        readable: Readable,
        name: str,
        lookups: Mapping[tuple[str, str, str], str],
        as_of: date,
    ) -> FeedCompiler:
        decimal = feed.decimal or decimal_of(self._con, readable, unit.table, feed)
        return FeedCompiler(
            unit.table, feed, readable, name, lookups, as_of=as_of, decimal=decimal, source=self._source
        )

    def _followers(self, unit: Unit, feed: Feed, siblings: Sequence[Feed], as_of: date) -> list[str]:
        """SQL of the terms that may follow on those of a feed: all terms of all files, whatever `where` says.

        A customer who switches from a monthly to a yearly plan goes on, though each plan has a feed.
        """
        found = []
        for term in (feed, *(other for other in siblings if other != feed)):
            if term.unless_followed is None:
                continue
            whole = term.model_copy(update={"where": term.unless_followed.where})
            lookups = self.lookups.of([whole])
            for file in self._folder.matching(whole.files):
                readable = make_readable(self._con, file.path, whole, self._place())
                readable = as_seen(readable, whole, file.name)
                if readable.columns:
                    compiler = self._compiler(unit, whole, readable, file.name, lookups, as_of)
                    found.append(compiler.rows())
        return found

    def _before(self, unit: Unit, feed: Feed, as_of: date) -> str:
        """SQL of the rows of the file before a unit's, in which its counters may have begun; or "" """
        file = file_before(self._folder.matching(feed.files), unit.file.name, feed.order)
        if file is None:
            return ""
        readable = as_seen(make_readable(self._con, file.path, feed, self._place()), feed, file.name)
        if not readable.columns:
            return ""
        return self._compiler(unit, feed, readable, file.name, self.lookups.of([feed]), as_of).rows()

    def _place(self) -> Path:
        self._places += 1
        place = self._scratch / str(self._places)
        place.mkdir()
        return place


@register("files", applies=lambda settings: settings.data is not None)
def create(settings: Settings) -> MappedFiles:
    """Return the source of the company's own files.

    Raises:
        ConfigurationError: The mapping or the folder is missing.
    """
    if settings.data is None or settings.mapping is None:
        missing = "mapping file" if settings.data else "data folder"
        raise ConfigurationError(
            f"A company's own files need a data folder and a mapping file; there is no {missing}.",
            hint="Draft one: python -m customer_health draft-mapping FOLDER --output mapping.yaml",
        )
    mapping = load_mapping(settings.mapping).part(in_warehouse=False)
    return MappedFiles(Folder(settings.data, settings.home / "cache"), mapping, settings.home)
