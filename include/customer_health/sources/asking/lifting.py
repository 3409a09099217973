"""Bring up what lies deep in a record, so that a mapping can name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from customer_health.sources.asking.vendor import Resource

Lifts = Mapping[str, tuple[tuple[Any, ...], str]]
"""Name -> compiled JSON paths, and what stands between several values; empty: only the first counts."""


def compiled_lifts(resource: Resource) -> Lifts:
    """Return the compiled `lift:` of a resource."""
    if not resource.lift:
        return {}
    from dlt.common import jsonpath

    found = {}
    for name, path in resource.lift.items():
        parts = path.split("+")
        between = "-" if len(parts) > 1 else ";" if "[*]" in path else ""
        found[name] = (tuple(jsonpath.compile_path(part) for part in parts), between)
    return found


def lifted(row: Mapping[str, Any], lifts: Lifts) -> dict[str, Any]:
    """Return a record with what is lifted; None where there is nothing."""
    from dlt.common import jsonpath

    record, found = dict(row), dict[str, Any]()
    for name, (paths, between) in lifts.items():
        values = [one for path in paths for one in jsonpath.find_values(path, record) if one is not None]
        found[name] = (between.join(map(str, values)) if between else values[0]) if values else None
    return {**record, **found}
