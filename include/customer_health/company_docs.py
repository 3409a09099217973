"""Render the company file's sections and keys as a page; a test holds the page in docs/ against this."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from customer_health.company import MOVED, CompanyConfig
from customer_health.connections.connection_options import Options
from customer_health.connections.kinds import ConnectionsConfig

_HEAD = """# The company file

Generated from `include/customer_health/company.py` by `python -m customer_health docs`; do not edit.

One YAML file holds every business number: `CUSTOMER_HEALTH_CONFIG` names it, and without it every default
below counts. Write only what differs. A key that does not exist, a key that stands twice, a name that nothing
carries and a value out of range are refused when the file is loaded, with line and suggestion.

```yaml
name: Example Ltd
money: {currency: EUR, rates: {USD: 0.92}}
playbooks:
  fallback_owner: cs-leads@example.com
  paused: [expansion_opportunity]
destinations: {slack: slack, crm: hubspot}
```
"""
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "entries, at least"}


def render() -> str:
    """Return the page as Markdown."""
    top = [(name, field) for name, field in CompanyConfig.model_fields.items() if not _section(field)]
    parts = [_HEAD, "## At the top\n", *_table(top, CompanyConfig)]
    for name, field in CompanyConfig.model_fields.items():
        if section := _section(field):
            parts += _sections(name, section, field)
    moved = [f"| `{old}` | {', '.join(f'`{one}`' for one in _places(new))} |" for old, new in MOVED.items()]
    parts += ["\n## Keys of earlier versions\n", "| Once | Write |", "|---|---|", *moved]
    return "\n".join(parts) + "\n"


def write_company_page(folder: Path) -> Path:
    """Write the page into the folder of documents; return its path."""
    page = folder / "company_file.md"
    page.write_text(render(), encoding="utf-8")
    return page


def _places(new: str) -> list[str]:
    return re.split(r", | or ", new)


def _sections(path: str, section: type[BaseModel], field: FieldInfo) -> Iterator[str]:
    """Yield a section's part of the page, then those of the sections inside."""
    shown = f"{path}.<name>" if _holds(field.annotation, Mapping) else path
    shown = f"{path}[]" if _holds(field.annotation, tuple) else shown
    yield f"\n## {shown}\n"
    yield inspect.cleandoc(section.__doc__ or "").split("\n\n")[0].replace("\n", " ") + "\n"
    fields = section.model_fields
    shared = issubclass(section, Options)  # time-outs and rates, which every connection has, stand there once
    keys = [name for name, found in fields.items() if not _section(found)]
    keys = [name for name in keys if not shared or name in section.__annotations__]
    yield from _table([(name, fields[name]) for name in keys], section)
    if section is ConnectionsConfig:
        yield "Every connection has:\n"
        yield from _table(list(Options.model_fields.items()), Options)
    for name, found in fields.items():
        inner = _section(found)
        if inner and not (issubclass(inner, Options) and not inner.__annotations__):
            yield from _sections(f"{shown}.{name}", inner, found)


def _table(fields: list[tuple[str, FieldInfo]], section: type[BaseModel]) -> Iterator[str]:
    if fields:
        yield "| Key | Default | What it says |"
        yield "|---|---|---|"
    told = _attributes(section)
    for name, field in fields:
        said = " · ".join(filter(None, (field.description or told.get(name, ""), _accepts(field))))
        yield f"| `{name}` | {_default(field)} | {_cell(said)} |"


def _attributes(section: type[BaseModel]) -> Mapping[str, str]:
    """Return what the docstring of a section, or of one that it extends, says of its keys."""
    found: dict[str, str] = {}
    for one in reversed(section.__mro__):
        _, _, text = inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")
        for name, said in re.findall(r"^    (\w+): ((?:.*\n?)(?:        .*\n?)*)", text, re.M):
            found[name] = " ".join(said.split()).rstrip(".")
    return found


def _accepts(field: FieldInfo) -> str:
    """Return the choices or bounds of a value, where it has any."""
    choices = [str(choice) for choice in _choices(field.annotation)]
    bounds = [
        f"{word} {getattr(bound, key):g}"
        for bound in field.metadata
        for key, word in _BOUNDS.items()
        if getattr(bound, key, None) is not None
    ]
    return ", ".join([" / ".join(choices)] if choices else bounds)


def _choices(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    inner = [part for part in get_args(annotation) if part is not Ellipsis]
    return [choice for part in inner[-1:] for choice in _choices(part)]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True) if not field.is_required() else PydanticUndefined
    if value is PydanticUndefined:
        return "required"
    return f"`{_cell(json.dumps(to_jsonable_python(value), ensure_ascii=False))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a key holds: itself, in a list, or under names of the user's own."""
    return next(iter(_models(field.annotation)), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from _models(inner)


def _holds(annotation: Any, kind: type) -> bool:
    origin = get_origin(annotation)
    if origin in (Annotated, Union, types.UnionType):
        return any(_holds(inner, kind) for inner in get_args(annotation))
    return isinstance(origin, type) and issubclass(origin, kind)
