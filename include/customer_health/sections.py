"""What every part of a YAML file shares: unknown keys are errors, and the keys that would have been known."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from customer_health.errors import suggest


def wrong(message: str, *at: int | str, hint: str = "") -> PydanticCustomError:
    """Return what a validator raises: the message, the key below its own that it is about, and a hint."""
    return PydanticCustomError("wrong", "{said}", {"said": message, "at": at, "hint": hint})


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
                    raise wrong(
                        f"{str(value).lower()} is neither a number nor text",
                        str(name),
                        hint="Write a number, or put text between quotation marks.",
                    )
        return given


def _may_be_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(_may_be_bool(inner) for inner in get_args(annotation))


def named(what: str, known: Callable[[], Iterable[str]]) -> AfterValidator:
    """Return a check that a text is one of the names of something that exists, such as a canonical table."""

    def check(name: str) -> str:
        names = list(known())
        if name not in names:
            raise wrong(f"'{name}' is not {what}", hint=suggest(name, names))
        return name

    return AfterValidator(check)


def shaped(pattern: str, like: str) -> AfterValidator:
    """Return a check that a text matches a pattern; `like` says what it should be, with an example."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise wrong(f"'{text}' is not {like}")
        return text

    return AfterValidator(check)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = suggest(name, available_timezones())
        raise wrong(
            f"'{name}' is not a time zone such as Europe/Berlin", hint=close if "mean" in close else ""
        ) from None
    return name


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
    "csm_pulses",
    "crm_snapshot",
    "text_topics",
)


CanonicalTable = Annotated[str, named("a canonical table", lambda: TABLE_NAMES)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, shaped(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,250}", "an e-mail address")]


def known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are accepted at `location` inside `model`, for a suggestion.

    Args:
        model: The whole file.
        location: As pydantic names it, without the key itself; places in lists are passed over.
    """
    own_key = False  # the part is a key that the user chose, such as a table's name
    for part in location:
        fields = {found.alias or name: found for name, found in model.model_fields.items()}
        if own_key or isinstance(part, int) or part not in fields:
            own_key = own_key and isinstance(part, int)
            continue
        annotation = fields[part].annotation
        own_key = _holds_mapping(annotation)
        for candidate in _classes(annotation):
            model = candidate
    return [found.alias or name for name, found in model.model_fields.items()]


def _holds_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return (
        origin is Mapping
        or (isinstance(origin, type) and issubclass(origin, Mapping))
        or (any(_holds_mapping(inner) for inner in get_args(annotation)))
    )


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """Return the sections that an annotation may hold: itself, or inside of a list, a mapping or a union."""
    if get_origin(annotation) in (Union, types.UnionType, Mapping) or get_args(annotation):
        return [found for inner in get_args(annotation) for found in _classes(inner)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
