"""Records in JSON files: one per line, in a list, or inside the pages of an API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from customer_health.errors import DataContractError
from customer_health.sources.text_files import BrokenLine

_LISTS = ("results", "data", "items", "records", "value", "values", "entries", "objects", "list", "rows")
Record = tuple[int, dict[str, str | None]]


def json_records(lines: IO[str], records: str | None, name: str) -> Iterator[Record | BrokenLine]:
    """Yield the records of a file, numbered by their line or, inside one value, by their position.

    A file that is one object around one list of objects is a page: the list's members are the records.

    Args:
        lines: The file from its beginning.
        records: Key of that list (dots for objects inside objects), where there are several.
        name: Of the file, for messages.

    Raises:
        DataContractError: The file is a page with several lists, and none is named.
    """
    start = lines.read(1)
    while start.isspace() or start == "\ufeff":
        start = lines.read(1)
    lines.seek(0)
    if start == "[" or (start == "{" and _is_one_value(lines)):
        yield from _whole(lines, records, name)
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            yield BrokenLine(number, line, f"the line is not JSON: {error}")
            continue
        for one in _in_page(item, records, name) if records else [item]:
            yield (
                (number, flat(one))
                if isinstance(one, dict)
                else BrokenLine(number, line, "not a JSON object")
            )


def _is_one_value(lines: IO[str]) -> bool:
    """Whether one object is all that the file holds; leaves the file at its beginning."""
    first, more = "", ""
    for line in lines:
        if line.strip():
            first, more = (line, more) if not first else (first, line)
            if more:
                break
    lines.seek(0)
    try:
        json.loads(first)
    except ValueError:
        pass  # an object over many lines, or a broken line
    else:
        return not more
    try:
        json.load(lines)
    except ValueError:
        return False
    finally:
        lines.seek(0)
    return True


def _whole(lines: IO[str], records: str | None, name: str) -> Iterator[Record | BrokenLine]:
    try:
        items = json.load(lines)
    except ValueError as error:
        yield BrokenLine(1, "", f"the file is not JSON: {error}")
        return
    members = items if isinstance(items, list) else _in_page(items, records, name)
    for number, item in enumerate(members, start=1):
        if isinstance(item, dict):
            yield number, flat(item)
        else:
            yield BrokenLine(number, str(item), "not an object")


def _in_page(item: Any, records: str | None, name: str) -> list[Any]:
    """Return the records of a page, or the object itself if it is not a page."""
    if not isinstance(item, dict):
        return [item]
    if records is not None:
        found: Any = item
        for part in records.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, list) else [] if found is None else [found]
    lists = [key for key, value in item.items() if isinstance(value, list) and _objects(key, value)]
    if len(lists) > 1 and not _has_id(item):
        raise DataContractError(
            f"{name} is a page with several lists: {', '.join(lists)}.",
            hint=f"Name the list of records beside `files:`, as in `records: {lists[0]}`.",
        )
    return item[lists[0]] if len(lists) == 1 and not _has_id(item) else [item]


def _objects(key: str, value: list[Any]) -> bool:
    return all(isinstance(one, dict) for one in value) if value else key in _LISTS


def _has_id(item: Mapping[str, Any]) -> bool:
    """Whether an object is a record of its own, with lists in it, rather than a page around some."""
    return any(key in item for key in ("id", "uuid", "key"))


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, str | None]:
    """Flatten nested objects: {"user": {"id": 1}} has the column `user.id`."""
    row: dict[str, str | None] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            row |= flat(value, f"{prefix}{name}.")
        elif value is None:
            row[prefix + name] = None
        else:
            row[prefix + name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return row
