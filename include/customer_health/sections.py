"""What every part of a YAML file shares: unknown keys are errors, and the keys that would have been known."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section of a file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are accepted at `location` inside `model`, for a suggestion.

    Args:
        model: The whole file.
        location: As pydantic names it, without the key itself; places in lists are passed over.
    """
    for part in location:
        field = model.model_fields.get(str(part))
        for candidate in _classes(field.annotation) if field else ():
            model = candidate
    return list(model.model_fields)


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that an annotation may hold: itself, or inside of a list, a mapping or a union."""
    if get_origin(annotation) in (Union, types.UnionType, Mapping) or get_args(annotation):
        return [found for inner in get_args(annotation) for found in _classes(inner)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
