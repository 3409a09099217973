"""Read and check a mapping file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from customer_health.checked_yaml import YamlFile, read_yaml
from customer_health.errors import ConfigurationError, suggest
from customer_health.sources.mapping import MappingFile
from customer_health.sources.mapping_check import problems
from customer_health.yaml_refusals import refusal

SCHEMAS = Path(__file__).parent / "landed_schemas"
"""Tables as loaders leave them in a warehouse (Fivetran, Airbyte, Heap), mapped once."""


def load_mapping(path: Path) -> MappingFile:
    """Read and check a mapping.

    Raises:
        ConfigurationError: The file is missing, is not YAML, or a key or value is not accepted. The message
            lists every problem with its place, so that one round of fixing is enough.
    """
    file = read_mapping(path, "holds no mapping: expected `company:` and `tables:` at the top")
    try:
        mapping = MappingFile.model_validate(with_schemas(dict(file.content), path))
    except ValidationError as error:
        advice = "Correct the value; see examples/mapping.yaml."
        raise refusal(file, error, MappingFile, hint=advice) from None
    found = problems(mapping)
    if found:
        lines = [f"{file.place(_location(place))}: {place}: {message}" for place, message, _ in found]
        hints = [suggest(place.rsplit(".", 1)[-1], known) for place, _, known in found if known]
        raise ConfigurationError(
            "\n".join(lines),
            hint=" ".join(hints) or "Correct the rule, or map the column; see examples/mapping.yaml.",
        )
    return mapping


def with_schemas(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a mapping with the tables of the known schemas that its `use:` names.

    `use: {fivetran_zendesk: zendesk_prod}` takes Fivetran's Zendesk tables from the schema zendesk_prod. What
    the mapping says of a table itself takes precedence.

    Raises:
        ConfigurationError: A schema is not known, or `use:` is not a mapping.
    """
    used = raw.pop("use", None) or {}
    known = {file.stem: file for file in SCHEMAS.glob("*.yaml")}
    if not isinstance(used, dict):
        raise ConfigurationError(
            f"{path}: use: expected names of known schemas, each with the schema in which its tables lie.",
            hint=suggest("", known),
        )
    own = raw.get("tables") or {}
    tables: dict[str, Any] = {}
    notes = list(raw.get("notes") or [])
    for name, place in used.items():
        if name not in known:
            raise ConfigurationError(
                f"{path}: use: there is no schema '{name}'.", hint=suggest(str(name), known)
            )
        part = in_place(read_mapping(known[name], "holds no schema").content, str(place))
        for table, feeds in part["tables"].items():
            if table not in own:
                tables.setdefault(table, []).extend(feeds if isinstance(feeds, list) else [feeds])
        notes += [note for note in part.get("notes", []) if note.split(":")[0] not in own]
    return {**raw, "tables": {**tables, **own}, **({"notes": notes} if notes else {})}


def in_place(part: Any, schema: str) -> Any:
    """Return what a known schema's file holds, `${schema}` replaced by the schema in which its tables lie."""
    if isinstance(part, str):
        return part.replace("${schema}", schema)
    if isinstance(part, dict):
        return {in_place(key, schema): in_place(value, schema) for key, value in part.items()}
    return [in_place(one, schema) for one in part] if isinstance(part, list) else part


def _location(place: str) -> tuple[int | str, ...]:
    """Return a dotted place as the keys and numbers that it is made of."""
    return tuple(int(part) if part.isdecimal() else part for part in place.split("."))


def read_mapping(path: Path, wrong: str) -> YamlFile:
    """Return a mapping or vendor file as read.

    Args:
        path: The file.
        wrong: What is said of a file whose top is not a mapping.

    Raises:
        ConfigurationError: It is missing, or cannot be read as such.
    """
    return read_yaml(
        path,
        absent="Let `python -m customer_health draft-mapping FOLDER --output mapping.yaml` draft one.",
        wrong=wrong,
        example="See examples/mapping.yaml and docs/sources.md.",
    )
