"""Which sources exist. A source is one module in one of `ROOMS` that registers a factory."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings
from customer_health.sources.source import Source

Names = Callable[[Settings], list[str]]
Create = Callable[[Settings, str], Source]
# By name: the room of remote tables builds on this one, so this one must not import it.
ROOMS = ("customer_health.sources", "customer_health.remote")


@dataclass(frozen=True)
class _Kind:
    names: Names
    create: Create


_KINDS: dict[str, _Kind] = {}


def register(
    name: str, *, applies: Callable[[Settings], bool]
) -> Callable[[Callable[[Settings], Source]], Callable[[Settings], Source]]:
    """Decorate the factory of a source.

    Args:
        name: Its name in `_source`, in the DAG and on the command line.
        applies: Whether these settings use it.
    """

    def keep(create: Callable[[Settings], Source]) -> Callable[[Settings], Source]:
        _KINDS[name] = _Kind(
            lambda settings: [name] if applies(settings) else [], lambda settings, _: create(settings)
        )
        return create

    return keep


def register_each(kind: str, *, names: Names) -> Callable[[Create], Create]:
    """Decorate the factory of a kind of which a company may use several.

    Args:
        kind: For messages.
        names: The names of those that these settings use.
    """

    def keep(create: Create) -> Create:
        _KINDS[kind] = _Kind(names, create)
        return create

    return keep


def _kinds() -> dict[str, _Kind]:
    for room in ROOMS:
        package = import_module(room)
        for module in pkgutil.iter_modules(package.__path__):
            import_module(f"{room}.{module.name}")
    return _KINDS


def names(settings: Settings) -> list[str]:
    """Return the names of the sources that these settings use, sorted."""
    return sorted(name for kind in _kinds().values() for name in kind.names(settings))


def source_for(settings: Settings, name: str | None = None) -> Source:
    """Return the source that these settings use, or the one called `name`.

    Raises:
        ConfigurationError: There is no such source, or its settings are wrong.
    """
    used = {one: kind for kind in _kinds().values() for one in kind.names(settings)}
    # One that the settings do not use says what it lacks, which helps more than that it is not used.
    chosen = name or next(iter(sorted(used)), "")
    kind = used.get(chosen) or _KINDS.get(chosen)
    if kind is None:
        raise ConfigurationError(f"There is no source '{chosen}'.", hint=suggest(chosen, {*used, *_KINDS}))
    return kind.create(settings, chosen)
