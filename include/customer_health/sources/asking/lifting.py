"""Bring up what lies deep in a record, so that a mapping can name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from customer_health.sources.asking.vendor import Resource

Lifts = Mapping[str, tuple[tuple[tuple[Any, ...], str], ...]]
"""Name -> alternatives: compiled JSON paths, and what stands between several values (empty: the first)."""

_FILTER = re.compile(r"\[\?\(.*?\)\]")


def compiled_lifts(resource: Resource) -> Lifts:
    """Return the compiled `lift:` of a resource."""
    if not resource.lift:
        return {}
    from dlt.common import jsonpath

    found = {}
    for name, described in resource.lift.items():
        alternatives = []
        for path in described.split(" | "):
            parts = path.split("+")
            between = "-" if len(parts) > 1 else ";" if "[*]" in _FILTER.sub("", path) else ""
            alternatives.append((tuple(jsonpath.compile_path(part.strip()) for part in parts), between))
        found[name] = tuple(alternatives)
    return found


def lifted(row: Mapping[str, Any], lifts: Lifts) -> dict[str, Any]:
    """Return a record with what is lifted; None where there is nothing."""
    record, found = dict(row), dict[str, Any]()
    for name, alternatives in lifts.items():
        found[name] = next(
            (
                value
                for paths, between in alternatives
                if (value := _value(record, paths, between)) is not None
            ),
            None,
        )
    return {**record, **found}


def _value(record: Mapping[str, Any], paths: tuple[Any, ...], between: str) -> Any:
    from dlt.common import jsonpath

    values = [one for path in paths for one in jsonpath.find_values(path, dict(record)) if one is not None]
    return (between.join(map(str, values)) if between else values[0]) if values else None
