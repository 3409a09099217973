"""What is said of a YAML file whose content is not accepted: file, line, key, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from customer_health.checked_yaml import Location, YamlFile
from customer_health.errors import ConfigurationError, suggest
from customer_health.sections import known_keys

_SAID = {
    "tuple_type": "should be a list, such as [a, b]",
    "list_type": "should be a list, such as [a, b]",
    "dict_type": "should be a mapping, such as {a: b}",
    "mapping_type": "should be a mapping, such as {a: b}",
    "model_type": "should be a section with keys of its own",
    "finite_number": "should be a finite number",
    "missing": "is required and missing",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "string_type": "should be text",
    "too_short": "should not be empty",
}
# Words that pydantic puts among the keys for a union, a validator, or the key of a mapping itself.
_ADDED = re.compile(r"function-|tuple\[|\[key\]")


def refusal(
    file: YamlFile,
    error: ValidationError,
    model: type[BaseModel],
    *,
    moved: Mapping[str, str] | None = None,
    under: Location = (),
    hint: str = "Correct the value.",
) -> ConfigurationError:
    """Turn pydantic's findings into one message: a line per fault with file, line and key, and suggestions.

    Args:
        file: The file as read.
        error: What pydantic found.
        model: The model that was validated.
        moved: Keys of earlier versions -> what takes their place.
        under: Where in the file `model` begins.
        hint: What is advised where nothing can be suggested.
    """
    said, hints = [], []
    for problem in error.errors():
        context = problem.get("ctx", {})
        # Unions and validators put words of their own among the keys; keys of a mapping end in one.
        inside = tuple(
            part for part in problem["loc"] if not re.match(r"function-|tuple\[|\[key\]", str(part))
        )
        location = (*under, *inside, *context.get("at", ()))
        key, place = ".".join(map(str, location)), file.place(location)
        if problem["type"] == "extra_forbidden":
            now = (moved or {}).get(key)
            said.append(f"{place}: {key} is {'an earlier name' if now else 'not a known key'}.")
            known = known_keys(model, inside[:-1])
            hints.append(f"Write {now} instead of {key}." if now else suggest(str(location[-1]), known))
            continue
        given = problem.get("input")
        message = _SAID.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
        message = message.replace("Input should be", "should be")
        if problem["type"] == "wrong":
            hints.append(context.get("hint", ""))
        elif problem["type"] == "literal_error" and isinstance(given, str):
            hints.append(suggest(given, re.findall(r"'([^']*)'", str(context.get("expected", "")))))
        found = f" (found: {_shown(given)})" if _worth_showing(given, message) else ""
        said.append(f"{place}: {key + ': ' if key else ''}{message}{found}.")
    return ConfigurationError("\n".join(said), hint=" ".join(dict.fromkeys(filter(None, hints))) or hint)


def _shown(given: Any) -> str:
    return str(given).lower() if isinstance(given, bool) else repr(given)


def _worth_showing(given: Any, message: str) -> bool:
    return isinstance(given, str | int | float) and repr(given) not in message
