"""SQL of one row per element of a list in a cell."""

from __future__ import annotations

from customer_health.warehouse.contracts import identifier, literal


def unnested(relation: str, columns: tuple[str, ...], path: str, wanted: tuple[str, ...], row: str) -> str:
    """Return SQL of one row per element of a list, each with its parent's columns.

    Args:
        relation: The file; a list is JSON text in it.
        columns: Its columns.
        path: The column with the list.
        row: Name of the column with the row's number.
        wanted: Columns that are read; those below the path (`items.data.price.id`) are taken of the element.
    """
    below = [name for name in wanted if name.startswith(f"{path}.")]
    parent = ", ".join(identifier(name) for name in (*columns, row) if name not in below)
    taken = ", ".join(
        f"json_extract_string(element, {literal(_json_path(name[len(path) + 1 :]))}) AS {identifier(name)}"
        for name in below
    )
    cell = identifier(path)
    inner = (
        f"SELECT *, unnest(CASE WHEN json_valid({cell}) AND json_type({cell}) = 'ARRAY' "
        f"THEN json_extract({cell}, '$[*]') ELSE [] END) AS element FROM {relation}"
    )
    return f"(SELECT {', '.join(part for part in (parent, taken) if part)} FROM ({inner}))"


def _json_path(name: str) -> str:
    return "$" + "".join(f'."{part}"' for part in name.split("."))
