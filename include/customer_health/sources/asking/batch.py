"""The rows of one resource on their way into files: what is known already is left out, the rest is written.

A row that comes again with the same content does not land. Of a key that comes twice before a file is
written, the later state by the cursor stays. Rows are told apart by a digest of their content, which is kept
for those that the next reading may bring again: all where everything is read, else those within the lag.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from customer_health.errors import DataContractError, suggest
from customer_health.sources.asking.binding import ordinal
from customer_health.sources.asking.field_types import FieldTypes
from customer_health.sources.asking.lifting import compiled_lifts, lifted
from customer_health.sources.asking.raw_files import RawFiles, digest, dotted
from customer_health.sources.asking.reading import ResourceReading
from customer_health.sources.asking.vendor import Incremental, Resource

FILE_ROWS = 20_000
GONE = "_gone"
"""Field of a row that stands for a record which is no longer at the vendor."""

AWAY = "-"
"""In place of a digest: the record was put away, and may come back."""

TAIL = 5_000  # digests kept where a token, and no field, says where the next run begins
_MARGIN = 1.0  # seconds: times are written to the millisecond, and cut off


class Batch:
    """Collects rows and writes them.

    Args:
        vendor: For messages.
        resource: What is read.
        files: Where it lands.
        number: Number of the last file that the ledger knows.
        newest: Cursor value up to which was read; None at first.
        counts: What happened.
        types: Of the fields that every record has.
    """

    def __init__(
        self,
        vendor: str,
        resource: Resource,
        files: RawFiles,
        number: int,
        newest: float | None,
        counts: ResourceReading,
        types: FieldTypes,
    ) -> None:
        self._types = types
        self._vendor, self._resource, self._files = vendor, resource, files
        self.number, self.newest, self._counts = number, newest, counts
        self._known = files.read_seen(number)
        self._written = dict(self._known)
        # Digests by key, with the cursor value that decides how long they are kept.
        self._recent: dict[str, tuple[float, str]] = {}
        self._rows: dict[str, tuple[float, bytes]] = {}
        self._lifts = compiled_lifts(resource)
        self._required = tuple(name for name in dict.fromkeys((*resource.requires, resource.key)) if name)
        self._anonymous: list[bytes] = []
        self._present: set[str] = set()

    @property
    def _incremental(self) -> Incremental | None:
        found = self._resource.endpoint.incremental
        return found if found and found.cursor_path else None

    @property
    def full(self) -> bool:
        """Whether it holds enough rows for a file."""
        return len(self._rows) + len(self._anonymous) >= FILE_ROWS

    def knows(self, key: str) -> bool:
        """Whether a record has landed and may come again."""
        return key in self._known or key in self._recent

    def keep_known(self, key: str) -> None:
        """Take a record that is known for unchanged, without asking for it."""
        self._counts.read += 1
        self._counts.known += 1
        if key not in self._recent:
            self._recent[key] = (0.0, self._known[key])

    def came_so(self, row: Mapping[str, Any]) -> bool:
        """Whether a record came with this very content before; what belongs beside it is known then, too."""
        key = str(dotted(row, self._resource.key)[1])
        return self._mark(key).partition(":")[2] == self._came(row)

    def _mark(self, key: str) -> str:
        found = self._recent.get(key)
        return found[1] if found else self._known.get(key, "")

    def _came(self, row: Mapping[str, Any]) -> str:
        """Return the digest of a record as it came, without what was asked for beside it."""
        beside = self._resource.beside
        alone = {name: value for name, value in row.items() if beside is None or name != beside.name}
        return digest(orjson.dumps(alone, option=orjson.OPT_SORT_KEYS))

    def hold(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Hold records against what every record has, without taking them in.

        Raises:
            DataContractError: One lacks a field, or has one of another type.
        """
        for row in rows:
            self._check(row)

    def add(self, rows: Iterable[Mapping[str, Any]], *, listed: bool = False, typed: bool = True) -> None:
        """Take in the rows of one page.

        Args:
            rows: The records.
            listed: They come from a list beside the cursor, which does not say how far was read.
            typed: Their fields have types of their own; CSV has none where a sample showed no value.

        Raises:
            DataContractError: A row lacks a field that every row has, or its cursor cannot be read.
        """
        for row in rows:
            self._counts.read += 1
            self._check(row, typed=typed)
            at = self._at(row)
            if at is not None and not listed and (self.newest is None or at > self.newest):
                self.newest = at
            kept = lifted(row, self._lifts) if self._lifts else row
            line = orjson.dumps(_without(kept, self._resource), option=orjson.OPT_SORT_KEYS)
            if not self._resource.key:
                self._anonymous.append(line)
                self._counts.new += 1
                continue
            key = str(dotted(row, self._resource.key)[1])
            if listed and self._resource.whole:
                self._present.add(key)
            came = self._came(row) if self._resource.beside and not listed else ""
            self._keep(key, at or 0.0, line, came)

    def _keep(self, key: str, at: float, line: bytes, came: str) -> None:
        earlier = self._rows.get(key)
        if earlier is not None and earlier[0] > at:
            return
        before = self._recent.get(key)
        known, _, as_before = self._mark(key).partition(":")
        mark = digest(line)
        same, came = known == mark, came or as_before
        mark = f"{mark}:{came}" if came else mark
        if same:
            self._counts.known += 1
            if before is None or before[1] != mark:
                self._recent[key] = (at, mark)
            return
        self._counts.changed += key in self._known or before is not None
        self._counts.new += key not in self._known and before is None
        self._recent[key] = (at, mark)
        self._rows[key] = (at, line)

    def _check(self, row: Any, *, typed: bool = True) -> None:
        if not isinstance(row, Mapping):
            raise DataContractError(
                f"{self._vendor}.{self._resource.name}: expected records, found {type(row).__name__}.",
                hint="Correct `data_selector:`; the API's description says where the records are.",
            )
        for name in self._required:
            there, value = dotted(row, name)
            if there and typed:
                self._types.hold(name, value)
            elif not there:
                raise DataContractError(
                    f"{self._vendor}.{self._resource.name}: a record has no field '{name}'; it was "
                    "renamed, or the credentials may no longer read it. Nothing of this reading was kept.",
                    hint=suggest(name, [str(one) for one in row]),
                )

    def _at(self, row: Mapping[str, Any]) -> float | None:
        incremental = self._incremental
        if incremental is None:
            return None
        value = dotted(row, incremental.cursor_path)[1]
        try:
            return ordinal(value)
        except ValueError:
            raise DataContractError(
                f"{self._vendor}.{self._resource.name}: '{incremental.cursor_path}' is neither a number nor "
                "a time any more, so that nobody can tell where the next run begins.",
                hint="Look at the vendor's changelog, then correct `cursor_path:`.",
            ) from None

    def mark_deleted(self) -> None:
        """After everything was read: what was known and has not come again is gone at the vendor."""
        for key in self._known.keys() - self._recent.keys():
            self._bury(key)

    def mark_unlisted(self) -> None:
        """After a list of everything: what was known and was not on it is gone at the vendor."""
        known = {*self._known, *self._recent} - self._present
        for key in known - self.away:
            self._bury(key)
            self.forget(key)
        self._present = set()

    @property
    def away(self) -> set[str]:
        """Keys of the records that were put away."""
        return {key for key in {*self._known, *self._recent} if self._mark(key) == AWAY}

    def put_away(self, key: str, *, never_seen: bool) -> None:
        """Remember that a record was put away; unless it cannot have landed, it goes.

        Args:
            key: Its key.
            never_seen: Whether this is the first reading, which saw no record that was away by then.
        """
        if not never_seen:
            self._bury(key)
        self._recent[key] = (0.0, AWAY)

    def forget(self, key: str) -> None:
        """Know nothing of a record any more: should it come again, it is new."""
        self._recent.pop(key, None)
        self._known.pop(key, None)

    def _bury(self, key: str) -> None:
        row: dict[str, Any] = {GONE: True}
        _put(row, self._resource.key, key)
        self._rows[key] = (0.0, orjson.dumps(row))
        self._counts.deleted += 1

    def write(self) -> bool:
        """Write what waits, then the digests; return whether there was anything."""
        lines = [line for _, line in self._rows.values()] + self._anonymous
        if not lines and self._digests() == self._written:
            return False
        self.number += 1
        if lines:
            self._files.write_lines(self.number, lines)
        self._known = self._digests()
        self._written = dict(self._known)
        self._files.write_seen(self.number, self._known)
        self._rows, self._anonymous = {}, []
        return True

    def _digests(self) -> dict[str, str]:
        recent = self._recent
        if self._resource.endpoint.incremental is None:
            return {key: mark for key, (_, mark) in recent.items()}
        if self._resource.whole:
            return {**self._known, **{key: mark for key, (_, mark) in recent.items()}}
        if not recent:
            return self._known  # nothing came: what was known may still come again
        if self._incremental is None or self.newest is None:
            return {key: mark for key, (_, mark) in list(recent.items())[-TAIL:]}
        away = {key: AWAY for key, mark in self._known.items() if mark == AWAY and key not in recent}
        oldest = self.newest - self._incremental.lag - _MARGIN
        self._recent = {key: one for key, one in recent.items() if one[0] >= oldest or one[1] == AWAY}
        return {**away, **{key: mark for key, (_, mark) in self._recent.items()}}


def _without(row: Mapping[str, Any], resource: Resource) -> Mapping[str, Any]:
    if resource.keep:
        kept: dict[str, Any] = {}
        for name in resource.keep:
            there, value = dotted(row, name)
            if there:
                _put(kept, name, value)
        return kept
    if not resource.drop:
        return row
    return _dropped(row, resource.drop)


def _dropped(row: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    copy = dict(row)
    for name in names:
        if name in copy:
            del copy[name]
            continue
        head, _, rest = name.partition(".")
        inner = copy.get(head)
        if rest and isinstance(inner, Mapping):
            copy[head] = _dropped(inner, [rest])
        elif rest and isinstance(inner, list):
            copy[head] = [_dropped(one, [rest]) if isinstance(one, Mapping) else one for one in inner]
    return copy


def _put(row: dict[str, Any], path: str, value: Any) -> None:
    head, _, rest = path.partition(".")
    if rest:
        inner = row.setdefault(head, {})
        if isinstance(inner, dict):
            _put(inner, rest, value)
            return
    row[path if not rest else head] = value
