"""What we want done in the outside world, as plain data with a deterministic key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

# A fixed namespace: the same promise has the same key on every machine and in every run.
_NAMESPACE = uuid.UUID("5b1c1b0e-6a55-5f0e-9d7e-0a7f3f0d3c11")


@dataclass(frozen=True)
class Effect:
    """One thing to do at one destination, for one account and one episode.

    Attributes:
        key: Idempotency key; two effects with the same key are the same promise.
        destination: Registered destination name, e.g. "slack", "crm".
        verb: What to do there, e.g. "create_task", "notify", "set_fields", "enroll",
            "create_opportunity".
        account_id: The account it concerns.
        as_of: The day whose score asked for it; effects of old days never leave the system.
        playbook: Name of the playbook that decided it.
        step: Which of the playbook's steps this is.
        episode_id: The spell of trouble (or the renewal cycle) it belongs to.
        payload: Everything the destination needs, JSON-serialisable.
    """

    key: str
    destination: str
    verb: str
    account_id: str
    as_of: date
    playbook: str
    step: str
    episode_id: str
    payload: Mapping[str, Any]


def effect_key(account_id: str, playbook: str, episode_id: str, step: str, destination: str) -> str:
    """Return the deterministic key of an effect: a UUIDv5 over what makes it the same promise."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((account_id, playbook, episode_id, step, destination))))
