"""From the name in the company file to a destination, by what each kind declares in `connections/`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from customer_health.connections.kinds import KINDS
from customer_health.effects.destination import Destination
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings

Factory = Callable[[str, Settings], Destination]


def destination_for(role: str, settings: Settings) -> Destination:
    """Return the destination that stands behind a role.

    Args:
        role: Name that playbooks use: crm, slack, gainsight, email.
        settings: `config.destinations.<role>` says what stands behind it, `config.connections` how it is
            reached, `secrets` with which credentials.

    Raises:
        ConfigurationError: There is no such role, no such destination, or its credentials are missing.
    """
    roles = settings.config.destinations.model_dump()
    if role not in roles:
        raise ConfigurationError(f"There is no destination '{role}'.", hint=suggest(role, roles))
    kind = roles[role]
    if kind not in FACTORIES:
        raise ConfigurationError(
            f"destinations.{role} is '{kind}', which is not a known destination.",
            hint=suggest(kind, FACTORIES),
        )
    return FACTORIES[kind](role, settings)


def _open(kind: str, role: str, settings: Settings) -> Destination:
    module, _, function = KINDS[kind].opens.partition(":")
    opened: Destination = getattr(import_module(module), function)(role, settings)
    return opened


FACTORIES: dict[str, Factory] = {kind: partial(_open, kind) for kind in KINDS}
