"""Who asks through an assistant, and which part of the ledger that person sees."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from customer_health.errors import ConfigurationError
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.own_rows import own_ledger
from customer_health.roles import Viewer, viewer_of
from customer_health.settings import Settings


@dataclass(frozen=True)
class Person:
    """One person who asks.

    Attributes:
        user: As Airflow knows the person; signs approvals.
        viewer: What may be seen.
        engine: The ledger for reading, as this person sees it.
    """

    user: str
    viewer: Viewer
    engine: Engine


def person_of(settings: Settings, user: str) -> Person:
    """Return the person of this name.

    Raises:
        ConfigurationError: Nobody is named, or people are limited and this one's address is not known.
    """
    if not user.strip():
        raise ConfigurationError(
            "Nobody is named who asks.", hint="Say --user with the name that Airflow knows."
        )
    viewer = viewer_of(user, settings.config.roles)
    if viewer.limited and not viewer.address:
        raise ConfigurationError(
            f"No address is known for '{user}', and people see their own customers only.",
            hint="Name the person in the company file under roles.people.",
        )
    if viewer.everything:
        return Person(user, viewer, open_ledger(settings.ledger_url))
    return Person(user, viewer, own_ledger(settings.ledger_url, address=viewer.address, owners=viewer.owners))
