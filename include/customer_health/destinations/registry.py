"""From the name in the company file to a destination. A new one: its module, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from customer_health.destinations.preview import PreviewDestination
from customer_health.effects.destination import Destination
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings

Factory = Callable[[str, Settings], Destination]

FACTORIES: Mapping[str, Factory] = {
    "preview": lambda role, settings: PreviewDestination(role, settings.preview),
}


def destination_for(role: str, settings: Settings) -> Destination:
    """Return the destination that stands behind a role.

    Args:
        role: Name that playbooks use: crm, slack, gainsight, email.
        settings: `config.destinations.<role>` says what stands behind it.

    Raises:
        ConfigurationError: There is no such role, or no such destination.
    """
    roles = settings.config.destinations.model_dump()
    if role not in roles:
        raise ConfigurationError(f"There is no destination '{role}'.", hint=suggest(role, roles))
    kind = roles[role]
    if kind not in FACTORIES:
        raise ConfigurationError(
            f"destinations.{role} is '{kind}', which is no known destination.", hint=suggest(kind, FACTORIES)
        )
    return FACTORIES[kind](role, settings)
