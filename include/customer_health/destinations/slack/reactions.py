"""Who is on it: reactions on the episodes' messages, asked for because nobody can call us."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol, runtime_checkable

from sqlalchemy import Engine

from customer_health.errors import CustomerHealthError
from customer_health.ledger import episode_events, slack_threads

log = logging.getLogger(__name__)

ON_IT = ("eyes", "white_check_mark")
MOST = 100  # messages asked about in one go; at a message a second that is under two minutes


@runtime_checkable
class Reacting(Protocol):
    """A destination whose messages people react to."""

    def reactions(self, remote_id: str) -> dict[str, list[str]]:
        """Return who reacted to a message: name of the emoji -> user ids."""
        ...

    def person(self, user_id: str) -> str:
        """Return how a user is called."""
        ...


def poll(engine: Engine, destination: object, *, now: datetime) -> int:
    """Acknowledge every open episode whose message somebody marked with 👀 or ✅.

    A remote that does not answer ends the round, not the run: the next one asks again.

    Args:
        engine: The ledger.
        destination: Slack, or anything else; a preview has no reactions.
        now: The present.

    Returns:
        How many episodes were acknowledged.
    """
    if not isinstance(destination, Reacting):
        return 0
    found = 0
    for row in slack_threads.awaiting_ack(engine)[-MOST:]:
        try:
            reactions = destination.reactions(str(row["remote_id"]))
            users = [user for name in ON_IT for user in reactions.get(name, ())]
            if users:
                who = destination.person(users[0])
                found += episode_events.acknowledge(engine, row["episode_id"], by=who, now=now)
        except CustomerHealthError as error:
            log.warning("reactions: stopped at effect %s: %s", row["key"], type(error).__name__)
            break
    return found
