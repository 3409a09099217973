"""Render what may stand in a playbook as a page; a test holds docs/playbooks.md against this."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from customer_health.company import CompanyConfig
from customer_health.playbook_config import (
    GraduationConfig,
    HoldoutConfig,
    MeetingHours,
    PlaybookConfig,
    QuietHours,
    Route,
)
from customer_health.playbooks.conditions import Fall, Range, ReasonCodes, When
from customer_health.playbooks.guards import Guard
from customer_health.playbooks.playbook import Playbook, load_playbooks
from customer_health.playbooks.steps import STEPS, Step

# What the two reference documents ask for, and the playbook that does it; a test loads every one.
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "routes": Route,
    "quiet": QuietHours,
    "meeting_hours": MeetingHours,
    "holdout": HoldoutConfig,
    "graduation": GraduationConfig,
}

_HEAD = """# Playbooks

Generated from the declarations in `include/customer_health/playbooks` by `python -m customer_health docs`;
do not edit.

A playbook is a YAML file: *when* these conditions hold, *do* these steps, *once per* so and so. It holds no
formulas and no code, so a CSM lead can read and write it. Everything in it is checked before anything runs:
a typo is refused with its file, its key and what you probably meant.

```yaml
name: renewal_call
title: Renewal call
because: A medium account that renews soon and loses points wants to hear from us first.
order: 55
once_per: renewal
when:
  score: {at_least: 50, below: 70}
  days_to_renewal: {at_least: 0, below: 60}
  lasting_fall: {points: 10, days: 28, readings: 2}
do:
  - create_task:
      type: renewal_call
      subject: Call about the renewal
      due_in: 7d
      instructions:
        - Ask what would make the renewal easy to sign.
      done_when: The customer said what the renewal depends on.
```

## How to

* **Write one.** Put the file into a folder of your own and name the folder in the company file as
  `playbooks.own_library`. A file of the same name as one that comes with the system replaces it.
  `python -m customer_health doctor` reads them all and says what is wrong.
* **Try it in the shadow.** Add its name to `playbooks.shadow` (or write `shadow: true`): it decides every day
  and does nothing. The decision log says `shadow: would have fired: ...`, and the weekly report counts how
  often it would have.
* **Pause it.** Add its name to `playbooks.paused`. The log says what it would have done.
* **Stop it now.** `python -m customer_health stop playbook NAME --by YOU --reason WHY` works at once, without
  a deployment; `start` lets it run again; `switches` lists what is stopped, by whom and why.
  `stop destination slack` stops a channel instead; what was promised waits.
* **Ask why.** Every day's decision about every account and playbook is kept with its reason: `fired`,
  `no_match` and what did not hold, `excluded` (another of its group acted), `suppressed`, `cooling_down`,
  `done_already`, `held_out`, `shadow`, `paused`, `daily_limit`.
* **Approve.** `python -m customer_health awaiting` lists what waits for a person, `approve KEY` and
  `decline KEY` decide; in Airflow the same questions stand under *Required actions*. What nobody answers
  expires.

## What a playbook consists of
"""


def playbooks_page() -> str:
    """Return the page as Markdown."""
    parts = [
        _HEAD,
        *_table(Playbook, skip=("when", "steps")),
        "",
        "All conditions under `when` must hold. An unknown value satisfies none: nobody acts on what nobody",
        "knows.",
        "",
        "## Conditions",
        "",
        *_table(When),
        "",
        f"A range has {_listed(Range)}; all that are given must hold.",
        f"`reasons` has {_listed(ReasonCodes)}: lists of reason codes (see [signals.md](signals.md)).",
        f"`lasting_fall` has {_listed(Fall)}.",
        "",
        "## Steps",
        "",
        "Every step may have an `id` (its name in keys and logs; changing it makes a new promise), `to` (the",
        "destination) and `approval: required` (a person must agree before it leaves the system).",
        "A step with `unless` is left out, and one with `only_if` is taken, where any of these holds:",
        "",
        *_table(Guard),
        *(line for verb, step in STEPS.items() for line in _step(verb, step)),
        "",
        "## The library",
        "",
        *_library(),
        "",
        "| What the reference documents ask for | Playbooks |",
        "|---|---|",
        *(f"| {what} | {', '.join(map('`{}`'.format, names))} |" for what, names in answers().items()),
        "",
        "## Numbers in the company file",
        "",
        "Under `playbooks:`. Channels may be `#channel`, or `@owner` and `@manager` for direct messages.",
        "",
        *_table(PlaybookConfig),
        *(line for name, section in _SECTIONS.items() for line in _section(name, section)),
    ]
    return "\n".join(parts) + "\n"


def answers() -> dict[str, list[str]]:
    """Return what the reference documents ask for, and the playbooks that say they answer it."""
    found: dict[str, list[str]] = {}
    for playbook in load_playbooks(CompanyConfig()):
        for what in playbook.answers:
            found.setdefault(what, []).append(playbook.name)
    return found


def write_playbooks_page(folder: Path) -> Path:
    """Write playbooks.md into the folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "playbooks.md"
    page.write_text(playbooks_page(), encoding="utf-8")
    return page


def _step(verb: str, step: type[Step]) -> Iterator[str]:
    yield ""
    yield f"### `{verb}`"
    yield ""
    words = (inspect.getdoc(step) or "").partition("Attributes:")[0].strip()
    yield from (line.strip() for line in words.splitlines())
    yield ""
    yield from _table(step, skip=("id", "approval"))


def _section(name: str, section: type[BaseModel]) -> Iterator[str]:
    words = (inspect.getdoc(section) or "").partition("Attributes:")[0]
    yield from ("", f"### `{name}`", "", *words.strip().splitlines(), "", *_table(section))


def _library() -> Iterator[str]:
    yield "| Playbook | Acts when | Once per | Does |"
    yield "|---|---|---|---|"
    for playbook in load_playbooks(CompanyConfig()):
        does = ", ".join(
            f"`{step.name}`" + (" (approval)" if step.approval else "") for step in playbook.steps
        )
        when = "; ".join(_condition(name, value) for name, value in _given(playbook.when))
        yield f"| `{playbook.name}`<br>{playbook.title} | {when} | {playbook.once_per} | {does} |"


def _given(when: When) -> Iterator[tuple[str, Any]]:
    for name in When.model_fields:
        value = getattr(when, name)
        if value != When.model_fields[name].get_default(call_default_factory=True):
            yield name, value


def _condition(name: str, value: Any) -> str:
    said = name.replace("_", " ")
    if isinstance(value, Range):
        return f"{said} {_range(value)}"
    if isinstance(value, Mapping):
        return "; ".join(_condition(key, bounds) for key, bounds in value.items())
    if isinstance(value, ReasonCodes):
        return "; ".join(f"{said}: {word} of {', '.join(codes)}" for word, codes in value if codes)
    if isinstance(value, bool):
        return said if value else f"not {said}"
    if isinstance(value, str):
        return f"{said} {value.replace('_', ' ')}"
    return f"{said} {' or '.join(str(item).replace('_', ' ') for item in value)}"


def _range(bounds: Range) -> str:
    return " and ".join(f"{word.replace('_', ' ')} {limit:g}" for word, limit in bounds if limit is not None)


def _table(model: type[BaseModel], skip: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a table of the keys of a model: what they take, their default, what they mean."""
    meaning = _attributes(model)
    yield "| Key | Takes | Default | Meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name not in skip:
            words = meaning.get(name) or field.description or ""
            yield f"| `{name}` | {_takes(field)} | {_default(field)} | {_cell(words)} |"


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say about its attributes."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        _, _, part = (inspect.getdoc(each) or "").partition("Attributes:\n") if each.__doc__ else ("", "", "")
        for name, words in re.findall(r"(?ms)^    (\w+): (.*?)(?=^    \w+: |\Z)", part):
            found[name] = " ".join(words.split())
    return found


def _takes(field: FieldInfo) -> str:
    kinds = list(dict.fromkeys(_kind(field.annotation)))
    return " or ".join(kinds).replace("|", "\\|")


def _kind(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Literal:
        yield ", ".join(f"`{value}`" for value in get_args(annotation))
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            if part is not type(None):
                yield from _kind(part)
    elif origin is tuple:
        yield "list"
    elif origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        yield "mapping"
    elif origin is not None:
        yield from _kind(get_args(annotation)[0])
    elif annotation is timedelta:
        yield "duration (`48h`, `60d`)"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield {Range: "range", Fall: "fall", ReasonCodes: "reason codes"}.get(annotation, "section")
    else:
        names = {bool: "yes/no", int: "number", float: "number", str: "text", Path: "folder"}
        yield names.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if value is None or value == () or isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return f"{value.days}d"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"`{name}: {item:g}`" for name, item in value.items())
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _listed(model: type[BaseModel]) -> str:
    return ", ".join(f"`{name}`" for name in model.model_fields)


def _cell(words: str) -> str:
    text = words[:1].upper() + words[1:]
    text = text.replace("|", "\\|")
    return text if not text or text.endswith(".") else f"{text}."
