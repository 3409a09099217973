"""What every part of a YAML file shares: unknown keys are errors, and the keys that would have been known."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from customer_health.errors import suggest


class Section(BaseModel):
    """Base of every section of a file: unknown keys are errors, values are frozen, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_as_number(cls, given: Any) -> Any:
        """Refuse `true` where a number belongs: pydantic would read it as 1."""
        if isinstance(given, Mapping):
            for name, value in given.items():
                field = cls.model_fields.get(str(name))
                if isinstance(value, bool) and field is not None and not _may_be_bool(field.annotation):
                    raise ValueError(f"{name}: {str(value).lower()} is neither a number nor a text")
        return given


def _may_be_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(_may_be_bool(inner) for inner in get_args(annotation))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not a time zone such as Europe/Berlin") from None
    return name


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,250}", text):
        raise ValueError(f"'{text}' is not an e-mail address")
    return text


# The tables of warehouse/tables.py, by name, for keys that name one (a test holds the two equal).
TABLE_NAMES = (
    "accounts",
    "contracts",
    "usage",
    "daily_users",
    "tickets",
    "ticket_messages",
    "surveys",
    "invoices",
    "contacts",
    "contact_changes",
    "interactions",
    "contract_events",
    "outcomes",
    "crm_tasks",
    "calendar",
    "crm_snapshot",
    "text_topics",
)


def _table(name: str) -> str:
    if name not in TABLE_NAMES:
        raise ValueError(f"'{name}' is not a canonical table. {suggest(name, TABLE_NAMES)}")
    return name


CanonicalTable = Annotated[str, AfterValidator(_table)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]


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
