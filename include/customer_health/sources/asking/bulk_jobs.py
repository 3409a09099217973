"""Salesforce's Bulk API 2.0 for reading: a job runs the query there, its results come in sets of CSV.

A job outlives us for seven days, and so do the locators of its sets: whoever is killed goes on at the last
one. The sets come in no order of time, so that how far was read is known when the last has come, and is no
later than the job's own beginning: what changes while it runs may lie in a part that was read before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

from customer_health.sources.asking.asker import Asker
from customer_health.sources.asking.batch import Batch
from customer_health.sources.asking.binding import ordinal
from customer_health.sources.asking.faults import (
    BulkFailedError,
    SourceBusyError,
    SourceRefusedError,
    TokenExpiredError,
)
from customer_health.sources.asking.vendor import Bulk, Resource

Sleep = Callable[[float], None]

TRIES = 3
PAUSES = (2.0, 4.0, 8.0, 15.0, 30.0)  # seconds between two looks at a job; the last one goes on
LOOKS = 120  # about an hour; the next try of the task goes on looking


@dataclass
class Job:
    """A job, as the cursor keeps it.

    Attributes:
        id: Its number at the vendor.
        created: When it began, epoch seconds by the vendor's clock.
        began: Number of the last file before it.
        kinds: Dotted field -> yes_or_no or number, for what CSV writes as text.
        locator: Of the next set; empty: the first.
        newest: Largest cursor value so far.
        since: Cursor value before the job; None at first.
    """

    id: str
    created: float
    began: int
    kinds: dict[str, str] = field(default_factory=dict)
    locator: str = ""
    newest: float | None = None
    since: float | None = None


class BulkReader:
    """Reads one resource by a job.

    Args:
        asker: Of the vendor.
        resource: With `bulk:`.
        run: What `{...}` stands for.
    """

    def __init__(self, asker: Asker, resource: Resource, run: Mapping[str, Any]) -> None:
        assert resource.bulk is not None
        self._asker, self._resource, self._run = asker, resource, run
        self._bulk: Bulk = resource.bulk
        self.over = self._bulk.over

    def begin(self, sample: list[Any], batch: Batch) -> Job | None:
        """Create a job; None if the vendor does not take the query, or no more jobs today: pages it is, then.

        Args:
            sample: Records of a page, which show the types of their fields.
            batch: Where records will go.
        """
        asked = str(self._resource.endpoint.params[self._bulk.query_param])
        query = asked.partition(" ORDER BY ")[0]  # an order keeps the vendor from dividing the work
        body = {"operation": self._bulk.operation, "query": query, "contentType": "CSV"}
        try:
            told = self._asker.ask("POST", self._bulk.path, body, self._resource, self._run).json()
        except SourceRefusedError as error:
            if error.status not in (400, 403, 404):
                raise
            return None
        batch.hold(sample)
        kinds = kinds_of(sample)
        return Job(str(told["id"]), ordinal(told["createdDate"]), batch.number, kinds, since=batch.newest)

    def wait(self, job: Job, sleep: Sleep) -> None:
        """Wait until the results are there.

        Raises:
            SourceBusyError: It takes long; the next try goes on waiting.
            BulkFailedError: The job failed.
            TokenExpiredError: The vendor does not know the job any more.
        """
        for look in range(LOOKS):
            told = self._get(f"{self._bulk.path}/{job.id}").json()
            if told["state"] == "JobComplete":
                return
            if told["state"] in ("Failed", "Aborted"):
                raise BulkFailedError(
                    f"The bulk job of {self._resource.name} ended as {told['state']}: "
                    f"{str(told.get('errorMessage', ''))[:200]}",
                    hint="It is read by pages instead.",
                )
            sleep(PAUSES[min(look, len(PAUSES) - 1)])
        raise SourceBusyError(
            f"The bulk job of {self._resource.name} has not ended after an hour.",
            hint="The next try goes on waiting for it.",
        )

    def sets(self, job: Job) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of each set; `job.locator` is moved on behind it."""
        while True:
            rows, job.locator = self._set(job)
            yield rows
            if not job.locator:
                return

    def _set(self, job: Job) -> tuple[list[dict[str, Any]], str]:
        query = {"maxRecords": str(self._bulk.most)} | ({"locator": job.locator} if job.locator else {})
        for _ in range(TRIES):
            answer = self._get(f"{self._bulk.path}/{job.id}/results?{urlencode(query)}")
            answer.encoding = "utf-8"
            rows = [typed(row, job.kinds) for row in csv.DictReader(io.StringIO(answer.text, newline=""))]
            if len(rows) == int(answer.headers.get("Sforce-NumberOfRecords", len(rows))):
                after = answer.headers.get("Sforce-Locator", "")
                return rows, "" if after == "null" else after
        raise SourceBusyError(
            f"A set of the bulk job of {self._resource.name} came cut off {TRIES} times.",
            hint="What has landed stays; the next try goes on at this set.",
        )

    def _get(self, path: str) -> requests.Response:
        try:
            return self._asker.ask("GET", path, None, self._resource, self._run)
        except SourceRefusedError as error:
            if error.status in (400, 404, 409):
                raise TokenExpiredError(
                    f"The vendor does not know the bulk job any more ({error.status})."
                ) from None
            raise


def read_job(reader: BulkReader, job: Job, batch: Batch, save: Callable[[], None], sleep: Sleep) -> None:
    """Read all sets of a job that are left; after each, what has landed is remembered with where it goes on.

    Args:
        reader: Asks for them.
        job: Its state.
        batch: Where records go. How far was read is no later than the job's beginning.
        save: Remembers the job.
        sleep: How to wait.
    """
    batch.newest = job.newest if job.newest is not None else job.since
    reader.wait(job, sleep)
    for rows in reader.sets(job):
        batch.add(rows, typed=False)
        job.newest = batch.newest
        if job.locator:
            batch.write()
            save()
    if batch.newest is not None:
        batch.newest = max(min(batch.newest, job.created), job.since or 0.0)


def kinds_of(sample: list[Any]) -> dict[str, str]:
    """Return which fields of some records are numbers, or yes or no; the rest is text."""
    found: dict[str, str] = {}

    def look(value: Any, name: str) -> None:
        if isinstance(value, Mapping):
            for inner, one in value.items():
                look(one, f"{name}.{inner}" if name else str(inner))
        elif isinstance(value, bool):
            found[name] = "yes_or_no"
        elif isinstance(value, int | float):
            found[name] = "number"

    for row in sample:
        look(row, "")
    return found


def typed(row: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return a record as a page would show it: `Owner.Email` lies in Owner, and what is empty is nothing."""
    record: dict[str, Any] = {}
    for name, text in row.items():
        value: Any = text or None
        if value is not None and name in kinds:
            value = text == "true" if kinds[name] == "yes_or_no" else orjson.loads(text)
        *above, last = name.split(".")
        place = record
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return {name: _or_nothing(value) for name, value in record.items()}


def _or_nothing(value: Any) -> Any:
    """Return a related record, or nothing where there is none: CSV has its columns all the same."""
    if not isinstance(value, dict):
        return value
    inner = {name: _or_nothing(one) for name, one in value.items()}
    return inner if any(one is not None for one in inner.values()) else None
