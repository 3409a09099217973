"""What a cursor does not show: what belongs beside a record, who was archived and came back, who is there.

A vendor's search by time of change brings records without what belongs to them, leaves out those that were
archived, and does not notice when only a tie between two records changes. Each has a list of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from customer_health.sources.asking.asker import Asker, Page
from customer_health.sources.asking.batch import Batch
from customer_health.sources.asking.raw_files import dotted
from customer_health.sources.asking.vendor import Resource

Run = Mapping[str, Any]
T = TypeVar("T")


def gathered(pages: Iterable[Page], rows: int, most_pages: int | None) -> Iterator[Page]:
    """Yield pages put together until they hold so many rows, so that one call asks for what belongs to all.

    Args:
        pages: As they come.
        rows: Rows of a gathered page, at least.
        most_pages: Pages to look at; None: all.
    """
    found: list[Any] = []
    token: str | None = None
    for page in islice(pages, most_pages):
        found, token = [*found, *page.rows], page.token or token
        if len(found) >= rows:
            yield Page(found, page.also, token)
            found = []
    yield Page(found, {}, token)


def _chunks(items: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, most)):
        yield some


class FurtherLists:
    """Asks one resource's further lists.

    Args:
        asker: Of the vendor.
        resource: The resource.
        run: What `{...}` stands for.
        batch: Where records go.
    """

    def __init__(self, asker: Asker, resource: Resource, run: Run, batch: Batch) -> None:
        self._asker, self._resource, self._run, self._batch = asker, resource, run, batch

    def completed(self, rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
        """Yield records with what belongs beside them; those that came so before are known already."""
        beside = self._resource.beside
        if beside is None:
            yield from rows
            return
        fresh = []
        for row in rows:
            if self._batch.came_so(row):
                self._batch.keep_known(self._key(row))
            else:
                fresh.append(row)
        found: dict[str, list[Any]] = {}
        inputs = [{beside.input_key: key} for key in dict.fromkeys(self._key(row) for row in fresh)]
        while inputs:
            further = []
            for some in _chunks(inputs, beside.most):
                for answer in self._asker.named(beside, some, self._resource, self._run):
                    key = str(dotted(answer, beside.of)[1])
                    found.setdefault(key, []).extend(dotted(answer, beside.take)[1] or [])
                    token = dotted(answer, beside.more)[1] if beside.more else None
                    if token:
                        further.append({beside.input_key: key, "after": token})
            inputs = further
        yield from ({**row, beside.name: found.get(self._key(row), [])} for row in fresh)

    def look_for_archived(self, *, first: bool) -> None:
        """Take out who was put away since, and bring in again who came back.

        Args:
            first: Whether this is the first reading.
        """
        archived = self._resource.archived
        if archived is None:
            return
        listed = {self._key(row) for row in self._listed(archived.endpoint)}
        away = self._batch.away
        for key in sorted(listed - away):
            self._batch.put_away(key, never_seen=first)
        for some in _chunks(sorted(away - listed), archived.again.most):
            inputs = [{archived.again.input_key: key} for key in some]
            for key in some:  # whoever does not come back is gone for good, and was taken out already
                self._batch.forget(key)
            rows = self._asker.named(archived.again, inputs, self._resource, self._run)
            self._batch.add(self.completed(rows), listed=True)

    def look_at_all(self, write: Callable[[], object]) -> None:
        """Read the list of everything: who changed there, who is missing.

        Args:
            write: Called now and then, when there is enough for a file.
        """
        whole = self._resource.whole
        assert whole is not None
        for rows in _chunks(self._listed(whole.endpoint), 1_000):
            self._batch.add(rows, listed=True)
            if self._batch.full:
                write()
        self._batch.mark_unlisted()

    def _listed(self, endpoint: Any) -> Iterator[Any]:
        resource = self._resource.model_copy(update={"endpoint": endpoint})
        for page in self._asker.pages(resource, self._run, None):
            yield from page.rows

    def _key(self, row: Mapping[str, Any]) -> str:
        return str(dotted(row, self._resource.key)[1])
