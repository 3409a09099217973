"""Doctor: ask each destination whether we can work there, before anybody depends on it.

Nothing is written. Every problem says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from customer_health.destinations.destination_registry import destination_for
from customer_health.effects.destination import Destination
from customer_health.errors import CustomerHealthError
from customer_health.settings import Settings


@runtime_checkable
class Examinable(Protocol):
    """A destination that can say what is missing for us there. One that accepts everything need not."""

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong and what to do; `channels` are the Slack channels in use. Writes nothing."""
        ...


@dataclass(frozen=True)
class Problem:
    """Something that will go wrong.

    Attributes:
        destination: The role.
        what: What is wrong.
        fix: What to do.
    """

    destination: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.destination}: {self.what}\n  -> {self.fix}"


def examine(settings: Settings, *, channels: tuple[str, ...] = ()) -> list[Problem]:
    """Look at every destination of the company file.

    Args:
        settings: Roles, connections, secrets.
        channels: Slack channels that playbooks use, beside the one of the settings.
    """
    found: list[Problem] = []
    for role in settings.config.destinations.model_dump():
        try:
            destination = destination_for(role, settings)
        except CustomerHealthError as error:
            found.append(Problem(role, error.message, error.hint))
            continue
        wanted = (settings.config.playbooks.alerts_channel, settings.config.playbooks.data_channel, *channels)
        found += look(role, destination, channels=wanted)
    return found


def look(role: str, destination: Destination, *, channels: tuple[str, ...] = ()) -> list[Problem]:
    """Look at one destination; an error that the remote raises is a problem like any other."""
    found: list[Problem] = []
    try:
        if isinstance(destination, Examinable):
            found += [Problem(role, what, fix) for what, fix in destination.problems(channels)]
    except CustomerHealthError as error:
        found.append(Problem(role, error.message, error.hint or "Look whether it is up, then ask again."))
    return found
