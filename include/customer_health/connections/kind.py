"""What a kind of destination declares about itself; everything else that knows kinds derives from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from customer_health.connections.connection_options import Options

CRM_VERBS = ("create_task", "create_opportunity", "set_fields")
EVERY_VERB = (
    "notify",
    "reply",
    "attach_file",
    "enroll",
    "draft_email",
    "send_digest",
    "propose_meeting",
    *CRM_VERBS,
)


@dataclass(frozen=True)
class Kind:
    """One kind of destination.

    The company file's `connections:` section, the registry, the credentials, the doctor, docs/destinations.md
    and the contract suite are derived from it; no other list names a kind.

    Attributes:
        name: As `destinations:` in the company file writes it.
        title: As its vendor writes it.
        options: Its section of `connections:`.
        opens: `module:function` that takes the role and the settings, and returns the destination. Named, not
            imported: a vendor's client costs up to a second, and most tasks need none of them.
        verbs: What it can do.
        after_lost_answer: How it keeps from doing it twice.
        needs: Rights that our user or app must have there.
        keys: Sets of credentials, each of which suffices.
        more_keys: Credentials that something optional needs.
        places: Fields of Airflow's connection form (login, password, host) and the key that each stands for.
    """

    name: str
    title: str
    options: type[Options]
    opens: str
    verbs: tuple[str, ...]
    after_lost_answer: str
    needs: str
    keys: tuple[tuple[str, ...], ...]
    more_keys: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
