"""Read what is new at one vendor into raw files; the cursor is saved after them.

dlt's REST client sends the first request and follows the pages. What comes is held against what is known,
written, and only then remembered in the ledger. A run that is killed anywhere reads again what it had not
remembered; what it left in the folder is removed first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from customer_health.errors import CustomerHealthError, RetriableError
from customer_health.ledger.cursors import load_cursor, save_cursor, save_reading
from customer_health.progress import Progress, silent
from customer_health.sources.asking.asker import Asker
from customer_health.sources.asking.batch import Batch
from customer_health.sources.asking.binding import bound, fill, ordinal, written
from customer_health.sources.asking.bulk_jobs import BulkReader, Job, read_job
from customer_health.sources.asking.exports import to_parquet, unpack
from customer_health.sources.asking.faults import BulkFailedError, SourceRefusedError, TokenExpiredError
from customer_health.sources.asking.field_types import FieldTypes
from customer_health.sources.asking.further_lists import FurtherLists, gathered
from customer_health.sources.asking.lifting import compiled_lifts, lifted
from customer_health.sources.asking.raw_files import RawFiles, dotted
from customer_health.sources.asking.reading import Reading, ResourceReading, as_counts, lag_of
from customer_health.sources.asking.vendor import Incremental, Resource, Vendor
from customer_health.sources.asking.windows import Window, due

# What comes beside other records is told apart by key, among the last that came.
_TAILED = Incremental(token_path="-")


@dataclass
class Extraction:
    """One reading of one source.

    Args:
        source: Its name: of the cursors, and of the folder in which its files land.
        vendor: The vendor file.
        connection: Values of the connection.
        ledger: Where cursors are kept.
        address: Folder or fsspec URL of everything that lands.
        as_of: The day of the run; windows end before it.
        wanted: Names of the resources to ask; None: all.
        through: See AskingSession.
        most_pages: Stop after so many pages of each resource and remember nothing; for a trial.
        sleep: How to wait.
        scratch: Folder for what an export answers until it is a table; None: the machine's, which in a
            container is memory.
    """

    source: str
    vendor: Vendor
    connection: Mapping[str, str]
    ledger: Engine
    address: str
    as_of: date
    wanted: frozenset[str] | None = None
    through: str = ""
    most_pages: int | None = None
    progress: Progress = silent
    sleep: Callable[[float], None] | None = None
    scratch: Path | None = None
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(self.source)
        self.vendor = bound(self.vendor, self.connection)
        self._asker = Asker(self.vendor, self.connection, through=self.through, sleep=self.sleep)

    def run(self) -> Reading:
        """Read every resource.

        Raises:
            SourceBusyError: The vendor is down; what has landed stays.
            SourceRefusedError: It does not let us in, or does not understand what we ask.
            DataContractError: A record is not what the vendor file says.
        """
        chosen = [one for one in self.vendor.resources if self.wanted is None or one.name in self.wanted]
        steps = [(one, each) for one in chosen for each in self._each(one)]
        try:
            for done, (resource, each) in enumerate(steps):
                self.progress(done, len(steps), f"{self.source}: {resource.name}")
                self._read(resource, each)
        finally:
            session = self._asker.session
            self.reading.calls, self.reading.calls_left = session.calls, session.left
            self.reading.waited = session.limiter.waited
        return self.reading

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which the vendor's clock is ahead of ours; None if it does not say."""
        return self._asker.session.skew

    @property
    def granted(self) -> frozenset[str]:
        """Rights that the vendor says it has granted; empty if it does not say."""
        return frozenset(getattr(self._asker.session.signed, "granted", ()))

    def _each(self, resource: Resource) -> list[str]:
        if not resource.each:
            return [""]
        named = str(fill(resource.each, self.connection, {}))
        return [one.strip() for one in named.split(",") if one.strip()]

    def _read(self, resource: Resource, each: str) -> None:
        name = f"{resource.name}/{_folder_name(each)}" if each else resource.name
        counts, before = self.reading.of(name), self._asker.session.calls
        cursor = load_cursor(self.ledger, self.source, name)
        self._asker.open(resource, each)
        try:
            if resource.endpoint.windows:
                self._read_windows(resource, each, name, cursor, counts)
            else:
                self._read_pages(resource, each, name, cursor, counts)
        except TokenExpiredError:
            # The vendor forgets: everything is read anew, into new files that win over the old.
            fresh = {"number": cursor.get("number", 0), "types": cursor.get("types")}
            self._read_pages(resource, each, name, fresh, counts)
        except SourceRefusedError as error:
            if resource.if_refused != "skip" or error.status not in (400, 403, 404):
                counts.failed = f"refused ({error.status})" if error.status else "refused"
                raise
            counts.skipped = f"the vendor does not have it or does not show it to us ({error.status})"
        except CustomerHealthError as error:
            counts.failed = "out of reach" if isinstance(error, RetriableError) else "not as the file says"
            raise
        finally:
            counts.calls += self._asker.session.calls - before
            if self.most_pages is None:
                said = {"calls_left": self._asker.session.left}
                save_reading(self.ledger, self.source, name, self.as_of, as_counts(counts, said))

    def _read_pages(
        self,
        resource: Resource,
        each: str,
        name: str,
        cursor: Mapping[str, Any],
        counts: ResourceReading,
        in_bulk: bool = True,
    ) -> None:
        files = RawFiles(self.address, self.source, name)
        files.clear_after(int(cursor.get("number", 0)))
        types = self._types(resource, cursor)
        batch = Batch(
            self.vendor.vendor,
            resource,
            files,
            int(cursor.get("number", 0)),
            cursor.get("newest"),
            counts,
            types,
        )
        beside = {key: self._beside(resource, key, cursor) for key in resource.also}
        incremental = resource.endpoint.incremental
        run: dict[str, Any] = {"each": each, "as_of": self.as_of.isoformat()}
        if incremental and incremental.cursor_path:
            first = ordinal(incremental.initial_value)
            since = max(first, float(cursor.get("newest", first)) - incremental.lag)
            run["incremental.start_value"] = written(since, incremental.convert)
        elif incremental:
            run["incremental.start_value"] = incremental.initial_value
        counts.asked = str(
            (cursor.get("token") and "the last token") or run.get("incremental.start_value", "")
        )
        token, listed_on = cursor.get("token"), cursor.get("listed_on")
        counts.whole = incremental is None or not (token or "newest" in cursor)
        for key in resource.also:
            self.reading.of(key).whole = counts.whole
        further = FurtherLists(self._asker, resource, run, batch)
        pages = self._asker.pages(resource, run, token)
        if resource.beside:
            pages = gathered(pages, resource.beside.most, self.most_pages)
        reader = BulkReader(self._asker, resource, run) if resource.bulk and in_bulk else None
        job = Job(**cursor["bulk"]) if reader and "bulk" in cursor else None
        for number, page in enumerate(pages if job is None else (), start=1):
            if number == 1 and reader and self.most_pages is None and page.total > reader.over:
                job = reader.begin(page.rows, batch)
                counts.way = "" if job else "by pages, as the vendor takes no bulk job of it"
                if job:
                    self._save(name, batch, beside, token, types, listed_on, job)
                    break
            batch.add(further.completed(self._rows(resource, run, page.rows, batch)))
            for key, rows in page.also.items():
                beside[key].add(rows)
            token = page.token or token
            if self.most_pages is not None and number >= self.most_pages:
                break
            if batch.full:
                batch.write()
                if incremental and incremental.ordered and self.most_pages is None:
                    self._save(name, batch, beside, token, types, listed_on)
        if reader and job:
            try:
                save = partial(self._save, name, batch, beside, token, types, listed_on, job)
                read_job(reader, job, batch, save, self._asker.session.sleep)
                counts.way = "by a bulk job"
            except (BulkFailedError, TokenExpiredError) as error:
                # What the job has brought goes; one that a later run no longer found is made anew.
                anew = isinstance(error, TokenExpiredError) and "bulk" in cursor
                kept = {**cursor, "number": job.began, "newest": job.since, "bulk": None}
                before = {key: value for key, value in kept.items() if value is not None}
                counts.read = counts.new = counts.changed = counts.known = 0
                self._read_pages(resource, each, name, before, counts, in_bulk=anew)
                counts.way = counts.way or "by pages, as the bulk job failed"
                return
        if incremental is None and self.most_pages is None:
            batch.mark_deleted()
        batch.write()
        counts.newest, counts.lag_hours = batch.newest, lag_of(batch.newest, self.as_of)
        if self.most_pages is None:
            today = self.as_of.isoformat()
            listed_on = listed_on or (today if counts.whole else None)
            self._save(name, batch, beside, token, types, listed_on)
            if resource.archived or resource.whole:
                further.look_for_archived(first=counts.whole)
                if resource.whole and _is_due(listed_on, resource.whole.every_days, self.as_of):
                    further.look_at_all(batch.write)
                    listed_on = today
                batch.write()
                self._save(name, batch, beside, token, types, listed_on)
            files.drop_seen_before(batch.number)

    def _rows(
        self, resource: Resource, run: Mapping[str, Any], rows: list[Any], batch: Batch
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the records of a page, with what was asked for beside them."""
        for row in rows:
            found = row
            if resource.detail is not None:
                key = str(dotted(row, resource.key)[1])
                if batch.knows(key):
                    batch.keep_known(key)
                    continue
                found = self._asker.detail(resource, {**run, "row": key})
            yield {**found, "_each": run["each"]} if resource.each and isinstance(found, dict) else found

    def _beside(self, resource: Resource, key: str, cursor: Mapping[str, Any]) -> Batch:
        number = int(cursor.get("also", {}).get(key, 0))
        files = RawFiles(self.address, self.source, key)
        files.clear_after(number)
        alone = resource.model_copy(
            update={
                "name": key,
                "key": resource.also[key].key,
                "keep": (),
                "drop": (),
                "requires": (),
                "also": {},
            }
        )
        tail = alone.endpoint.model_copy(update={"incremental": _TAILED})
        return Batch(
            self.vendor.vendor,
            alone.model_copy(update={"endpoint": tail}),
            files,
            number,
            None,
            self.reading.of(key),
            self._types(alone, {}),
        )

    def _types(self, resource: Resource, cursor: Mapping[str, Any]) -> FieldTypes:
        return FieldTypes(f"{self.vendor.vendor}.{resource.name}", resource, cursor.get("types"))

    def _save(
        self,
        name: str,
        batch: Batch,
        beside: Mapping[str, Batch],
        token: Any,
        types: FieldTypes,
        listed_on: str | None,
        job: Job | None = None,
    ) -> None:
        for other in beside.values():
            other.write()
        cursor = {
            "number": batch.number,
            "newest": job.since if job else batch.newest,
            "bulk": asdict(job) if job else None,
            "token": token,
            "also": {key: other.number for key, other in beside.items()},
            "types": types.kept(),
            "listed_on": listed_on,
        }
        kept = {key: value for key, value in cursor.items() if value not in (None, {})}
        save_cursor(self.ledger, self.source, name, kept, self.as_of)

    def _read_windows(
        self, resource: Resource, each: str, name: str, cursor: Mapping[str, Any], counts: ResourceReading
    ) -> None:
        windows = resource.endpoint.windows
        assert windows is not None
        files = RawFiles(self.address, self.source, name)
        through = date.fromisoformat(cursor["through"]) if "through" in cursor else None
        asked_on = date.fromisoformat(cursor["asked_on"]) if "asked_on" in cursor else None
        counts.whole = through is None
        plan = list(due(windows, through, asked_on, self.as_of))
        plan = (
            plan if self.most_pages is None else plan[-self.most_pages :]
        )  # a trial looks at the newest days
        counts.asked = plan[0].first.isoformat() if plan else ""
        types = self._types(resource, cursor)
        for number, window in enumerate(plan, start=1):
            self.progress(number - 1, len(plan), f"{self.source}: {name} {window.name}")
            self._read_window(resource, each, files, window, counts, types)
            if self.most_pages is None:
                reached = max(window.last, through or window.last)
                whole = window is plan[-1]
                kept: dict[str, Any] = {"through": reached.isoformat(), "types": types.kept()}
                kept |= {"asked_on": (self.as_of if whole else asked_on or windows.start).isoformat()}
                save_cursor(self.ledger, self.source, name, kept, self.as_of)
                through = reached
        if through is not None:
            counts.lag_hours = max((self.as_of - through).days - 1, 0) * 24.0

    def _read_window(
        self,
        resource: Resource,
        each: str,
        files: RawFiles,
        window: Window,
        counts: ResourceReading,
        types: FieldTypes,
    ) -> None:
        assert resource.endpoint.windows is not None
        run = {"each": each, "as_of": self.as_of.isoformat(), **window.words(resource.endpoint.windows)}
        what = f"{self.vendor.vendor}.{resource.name} {window.name}"
        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="export-", dir=self.scratch) as made:
            folder = Path(made)
            target = folder / "out.parquet"
            if resource.answers == "json":
                lines = folder / "lines.jsonl"
                self._spill(resource, run, lines, counts)
                packed = [lines]
            else:
                answer = self._asker.download(resource, run, folder / "answer")
                packed = unpack(answer, resource.answers, folder) if answer else []
            keep = resource.keep or _names_in(packed)
            if not keep:
                keep = tuple(resource.requires) or (resource.key or "id",)
            rows = to_parquet(
                packed,
                target,
                keep=keep,
                key=resource.key,
                requires=resource.requires,
                what=what,
                types=types,
            )
            counts.read += rows if resource.answers != "json" else 0
            counts.new += rows
            if not rows and not files.has(f"{window.name}.parquet"):
                return  # days without events need no file, unless they had some before
            files.put(f"{window.name}.parquet", target)

    def _spill(self, resource: Resource, run: Mapping[str, Any], to: Path, counts: ResourceReading) -> None:
        import orjson

        lifts = compiled_lifts(resource)
        with to.open("wb") as file:
            for page in self._asker.pages(resource, run, None):
                counts.read += len(page.rows)
                rows = (lifted(row, lifts) if lifts else row for row in page.rows)
                file.writelines(orjson.dumps(row) + b"\n" for row in rows)


def _is_due(listed_on: str | None, every_days: int, as_of: date) -> bool:
    """Whether the list of everything is to be read again."""
    return listed_on is None or (as_of - date.fromisoformat(listed_on)).days >= every_days


def _names_in(files: list[Path]) -> tuple[str, ...]:
    """Return the dotted names of all fields of small files of JSON lines."""
    import orjson

    from customer_health.sources.json_pages import flat

    names: dict[str, None] = {}
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                names |= dict.fromkeys(flat(orjson.loads(line)))
    return tuple(names)


def _folder_name(each: str) -> str:
    """Return one of a list as the name of a folder; an address of a person does not become one."""
    import hashlib

    return hashlib.sha256(each.encode()).hexdigest()[:12]
