"""Every destination beside the local server it talks to, and effects of every verb that playbooks make.

A rig is a public function of a file of this folder that returns a `Rig`; no list names it.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.lib.destinations.effects import THREAD, account_part, effect, meeting_times, usage_audit
from tests.lib.destinations.rig import Rig, no_pace

__all__ = ["RIGS", "THREAD", "Rig", "account_part", "effect", "meeting_times", "no_pace", "usage_audit"]


def _rigs() -> Iterator[tuple[str, Callable[..., Rig]]]:
    for file in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{file.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            ours = function.__module__ == module.__name__ and not name.startswith("_")
            if ours and function.__annotations__.get("return") == "Rig":
                yield name, function


RIGS: dict[str, Callable[..., Rig]] = dict(_rigs())
