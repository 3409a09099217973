"""Read and check a mapping file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from customer_health.errors import ConfigurationError, suggest
from customer_health.sources.mapping import (
    Condition,
    Feed,
    Following,
    Lookup,
    MappingFile,
    Offset,
    Reading,
    Rule,
)
from customer_health.sources.mapping_check import problems

_KEYS_UNDER: dict[str, type[BaseModel]] = {
    "columns": Rule,
    "lookup": Lookup,
    "plus": Offset,
    "unless_followed": Following,
    "tables": Feed,
    "where": Condition,
    "when": Condition,
    "reading": Reading,
}


SCHEMAS = Path(__file__).parent / "landed_schemas"
"""Tables as loaders leave them in a warehouse (Fivetran, Airbyte, Heap), mapped once."""


class _PlainWords(yaml.SafeLoader):
    """The safe loader, without YAML 1.1's guesses: NO is Norway, `yes` is a word, a date is text."""


_GUESSED = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_PlainWords.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainWords.add_implicit_resolver(_GUESSED[0], re.compile("true|false"), ["t", "f"])


def load_mapping(path: Path) -> MappingFile:
    """Read and check a mapping.

    Raises:
        ConfigurationError: The file is missing, is not YAML, or a key or value is not accepted. The message
            lists every problem with its place, so that one round of fixing is enough.
    """
    raw = with_schemas(
        read_yaml(path, "holds no mapping: expected `company:` and `tables:` at the top"), path
    )
    try:
        mapping = MappingFile.model_validate(raw)
    except ValidationError as error:
        raise _refusal(path, error) from None
    found = problems(mapping)
    if found:
        lines = [f"{path}: {place}: {message}" for place, message, _ in found]
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
        text = known[name].read_text(encoding="utf-8").replace("${schema}", str(place))
        part = yaml.load(text, Loader=_PlainWords)
        for table, feeds in part["tables"].items():
            if table not in own:
                tables.setdefault(table, []).extend(feeds if isinstance(feeds, list) else [feeds])
        notes += [note for note in part.get("notes", []) if note.split(":")[0] not in own]
    return {**raw, "tables": {**tables, **own}, **({"notes": notes} if notes else {})}


def read_yaml(path: Path, wrong: str) -> dict[str, Any]:
    """Return the content of a YAML file whose top is a mapping, without YAML 1.1's guesses.

    Args:
        path: The file.
        wrong: What is said of a file whose top is something else.

    Raises:
        ConfigurationError: It is missing, or cannot be read as such.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainWords)
    except FileNotFoundError:
        raise ConfigurationError(
            f"The file {path} does not exist.",
            hint="Let `python -m customer_health draft-mapping FOLDER --output mapping.yaml` draft one.",
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: {error}", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", hint="Name a YAML file."
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path} is not valid YAML: {error}", hint="Fix the line it names."
        ) from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path}: {wrong}.", hint="See examples/mapping.yaml and docs/sources.md.")
    return raw


def _refusal(path: Path, error: ValidationError) -> ConfigurationError:
    lines, hints = [], []
    for problem in error.errors():
        place = [str(part) for part in problem["loc"]]
        lines.append(f"{path}: {'.'.join(place)}: {problem['msg']}")
        if problem["type"] == "extra_forbidden":
            hints.append(suggest(place[-1], _accepted(place[:-1])))
    return ConfigurationError(
        "\n".join(lines), hint=" ".join(hints) or "Correct the value; see examples/mapping.yaml."
    )


def _accepted(place: list[str]) -> list[str]:
    """Return the keys that are accepted at this place of the file."""
    for part in reversed(place):
        if part in _KEYS_UNDER:
            return [field.alias or name for name, field in _KEYS_UNDER[part].model_fields.items()]
    return list(MappingFile.model_fields)
