"""What all asked vendors share: records with a history, sign-in, refusals, and pages that break off."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tests.lib.servers import specs
from tests.lib.servers.base import Answer, Request, Server

AS_OF = date(2026, 6, 1)
BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
Row = dict[str, Any]


class RefusedError(Exception):
    """The request breaks a rule of the vendor.

    Args:
        status: HTTP status of the answer.
        body: What is said.
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.answer = body if isinstance(body, Answer) else Answer(status, body)


class VendorServer(Server):
    """A vendor with records; subclasses answer its addresses.

    Attributes:
        vendor: Name of the vendor file.
        secret, options: What the connection gives.
        main: The resource that the suite looks at, and the field that tells its records apart.
        key: That field.
        calls_of_an_idle_run: What a run with nothing new may cost, a token not counted.
        described_by: Copy of the vendor's specification, and the path below which its addresses are.
        below: That path.
        pause: Seconds for which it asks when it is asked too often.
        signs: Headers in which credentials and versions travel.
        id_columns: Canonical table -> column of its id, where that is not the table's name in the singular.
        renamed: A field of the main resource that must be there, and what it might be called one day.
        renews: Whether a refused sign-in is renewed by itself.
        deletes: Whether a deleted record can be seen to be gone.
        restores: Whether a deleted one can come back.
        export: Whether the main resource is an export of whole days.
        merges: Whether its main resource holds accounts that can be merged.
        grouped: Whether it answers with sums, one for each group.
        rows: Resource -> id -> record, as it is served.
        now: The vendor's clock, epoch seconds; every change moves it on.
        cut: So many of the coming good answers break off in the middle.
        kill_at: Number of the request to the main resource at which the process `victim` is killed.
    """

    vendor = ""
    secret: Mapping[str, str] = {}
    options: Mapping[str, str] = {}
    main, key = "", "id"
    restores = True
    renews, deletes, export, grouped, merges = False, True, False, False, False
    renamed = ("", "")
    described_by, below = "", ""
    calls_of_an_idle_run = 1
    pause = 7.0
    signs: tuple[str, ...] = ("authorization",)
    id_columns: Mapping[str, str] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.rows: dict[str, dict[str, Row]] = {}
        self.now, self.cut, self.changes = BEGIN, 0, 0
        self.victim, self.kill_at, self.asked_main = 0, 0, 0
        self.tokens: set[str] = set()
        self.field_names: dict[str, str] = {}
        self.retyped, self.twice = False, False

    # What the suite does to a vendor.

    def seed(self, number: int) -> None:
        """Create so many records of the main resource, and whatever they refer to."""
        for one in range(number):
            self.add(f"{one:05d}")

    def add(self, name: str, *, same_time: bool = False, **fields: Any) -> None:
        """Create one record of the main resource; `same_time`: at the very time of the last change."""
        if not same_time:
            self.now += 60
        self.create(name, **fields)

    def create(self, name: str, **fields: Any) -> None:
        """Create one record of the main resource at `now`."""
        raise NotImplementedError

    def change(self, name: str) -> None:
        """Change one record of the main resource in a way that the vendor's filter sees."""
        raise NotImplementedError

    def delete(self, name: str) -> None:
        """Delete one record of the main resource."""
        raise NotImplementedError

    def restore(self, name: str) -> None:
        """Bring a deleted record of the main resource back."""
        raise NotImplementedError

    def merge(self, name: str, into: str) -> None:
        """Merge one record of the main resource into another; only vendors with `merges` can."""
        raise NotImplementedError

    def id_of(self, name: str) -> str:
        """Return the key under which a record of the main resource lands."""
        return name

    def canonical(self, name: str) -> tuple[str, str, str]:
        """Return table, column and value by which a loaded record of the main resource is found."""
        raise NotImplementedError

    def served(self) -> dict[str, Row]:
        """Return key -> record of all records of the main resource that are there."""
        return {self.id_of(name): row for name, row in self.rows.get(self.main, {}).items()}

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return requests that the real vendor refuses: method, path, and what `requests` takes."""
        raise NotImplementedError

    def story(self) -> dict[str, dict[str, Row]]:
        """Live through a small story; return table -> id -> columns that it must become."""
        raise NotImplementedError

    # What a vendor does.

    def limited(self) -> Answer:
        """Say "too often" as most vendors do."""
        return Answer(429, {"error": "rate limited"}, {"Retry-After": f"{self.pause:.0f}"})

    def answer(self, request: Request) -> Answer:
        """Answer one request, or refuse it."""
        try:
            given = self.respond(request)
        except RefusedError as refusal:
            return refusal.answer
        if given.status == 200 and self.described_by:
            # What the suite asks wrongly on purpose is refused; what is answered must be as described.
            plain = replace(request, path=request.path.removeprefix(self.below))
            self.violations += specs.violations(self.described_by, plain)
        if self.cut and given.status == 200:
            self.cut -= 1
            raw = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
            return Answer(200, raw[: len(raw) // 2], given.headers)
        return given

    def respond(self, request: Request) -> Answer:
        """Return the answer to a request."""
        raise NotImplementedError

    def saw_main(self) -> None:
        """Count a request to the main resource; the victim dies at the given one."""
        self.asked_main += 1
        if self.victim and self.asked_main == self.kill_at:
            self.kill_victim()

    def kill_victim(self) -> None:
        """Kill who asks, in the middle of it."""
        os.kill(self.victim, signal.SIGKILL)

    def serial(self) -> int:
        """Return the number of the next change, for vendors whose tokens count changes and not seconds."""
        self.changes += 1
        return self.changes

    def shown(self, rows: Iterable[Row]) -> list[Row]:
        """Return records as they are served: twice, or with a field that was renamed or retyped."""
        old, new = next(iter(self.field_names.items()), ("", ""))
        if self.twice:
            rows = [one for row in rows for one in (row, row)]
        if self.retyped:
            name = self.renamed[0]
            return [{**row, name: _retyped(row[name])} if name in row else dict(row) for row in rows]
        if not old:
            return [dict(row) for row in rows]
        return [{(new if name == old else name): value for name, value in row.items()} for row in rows]


def _retyped(value: Any) -> Any:
    """Return what a vendor might send one day: an object for a value, or a text for an object."""
    return str(value) if isinstance(value, dict | list) else {"value": value}


def iso(moment: float) -> str:
    """Return epoch seconds as most vendors write times."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def basic(user: str, password: str) -> str:
    """Return the value of a basic Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def only(request: Request, *known: str) -> dict[str, str]:
    """Return the query, refusing parameters that the vendor does not know."""
    unknown = set(request.query) - set(known)
    if unknown:
        raise RefusedError(400, {"error": f"unknown parameter: {sorted(unknown)[0]}"})
    return {name: values[0] for name, values in request.query.items()}


def at_most(text: str | int, most: int, what: str = "page size") -> int:
    """Return a page size, refusing one above the vendor's limit."""
    if not str(text).isdigit() or not 1 <= int(text) <= most:
        raise RefusedError(400, {"error": f"{what} must be between 1 and {most}"})
    return int(text)
