"""Every kind of destination, found by its file's name, and the company file's `connections:` made of them."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import TypeVar

from pydantic import create_model

import customer_health.connections as room
from customer_health.connections.connection_options import Options
from customer_health.connections.kind import Kind
from customer_health.sections import Section

ENDING = "_connection"
T = TypeVar("T", bound=Options)


def _declared() -> Mapping[str, Kind]:
    """Return the kinds by name: each is the `KIND` of a file of this folder that ends in `_connection`."""
    names = sorted(file.name for file in pkgutil.iter_modules(room.__path__) if file.name.endswith(ENDING))
    modules = (import_module(f"{room.__name__}.{name}") for name in names)
    kinds = (module.KIND for module in modules if hasattr(module, "KIND"))
    return {kind.name: kind for kind in kinds}


KINDS: Mapping[str, Kind] = _declared()


class _ConnectionsBase(Section):
    """One section per kind of destination; sections of kinds that nobody uses are ignored."""

    def of(self, options: type[T]) -> T:
        """Return the section that holds these options."""
        (found,) = (value for value in self.__dict__.values() if type(value) is options)
        return found


ConnectionsConfig: type[_ConnectionsBase] = create_model(
    "ConnectionsConfig",
    __base__=_ConnectionsBase,
    __doc__=_ConnectionsBase.__doc__,
    **{kind.name: (kind.options, kind.options()) for kind in KINDS.values()},  # type: ignore[call-overload]
)
