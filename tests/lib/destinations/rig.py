"""A destination beside the local server it talks to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.effects.destination import Destination
from customer_health.effects.effect import Effect
from tests.lib.servers.base import Server


def no_pace() -> RateLimiter:
    """Return a rate that no test notices."""
    return RateLimiter(1e6, 1_000_000)


@dataclass
class Rig:
    """A destination, the server behind it, and what may be asked of them.

    Attributes:
        destination: As the registry would build it, pointed at the server.
        server: Keeps the history.
        verbs: What it can do.
        finds: Verbs whose effects can be looked up by key.
        known: Makes an account known to the remote; None where the remote does not know accounts.
        reads: Requests that ask before one writes, once everything that is looked up once is known.
    """

    destination: Destination
    server: Server
    verbs: tuple[str, ...]
    finds: tuple[str, ...]
    known: Callable[[str], object] | None = None
    reads: int = 0

    def add(self, account: str) -> None:
        """Make an account known to the remote, if it knows accounts."""
        if self.known:
            self.known(account)

    def landed(self, promise: Effect) -> int:
        """Return how often what `promise` asks for was done; an update counts once however often repeated."""
        mine = [one for one in self.server.history if one.key in (promise.key, promise.account_id)]
        created = sum(one.created for one in mine)
        return created or min(len(mine), 1)
