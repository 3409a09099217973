"""Which sources exist. A source is one module in this package that registers a factory."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import customer_health.sources
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings
from customer_health.sources.source import Source


@dataclass(frozen=True)
class _Kind:
    applies: Callable[[Settings], bool]
    create: Callable[[Settings], Source]


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
        _KINDS[name] = _Kind(applies, create)
        return create

    return keep


def _kinds() -> dict[str, _Kind]:
    for module in pkgutil.iter_modules(customer_health.sources.__path__):
        import_module(f"{customer_health.sources.__name__}.{module.name}")
    return _KINDS


def names(settings: Settings) -> list[str]:
    """Return the names of the sources that these settings use, sorted."""
    return sorted(name for name, kind in _kinds().items() if kind.applies(settings))


def source_for(settings: Settings, name: str | None = None) -> Source:
    """Return the source that these settings use, or the one called `name`.

    Raises:
        ConfigurationError: There is no such source, or its settings are wrong.
    """
    chosen = name or next(iter(names(settings)))
    try:
        return _kinds()[chosen].create(settings)
    except KeyError:
        raise ConfigurationError(f"There is no source '{chosen}'.", hint=suggest(chosen, _KINDS)) from None
