"""The one hole of exactly-once, counted: a remote that commits a call later than we waited for it.

An effect whose call had no answer is looked up after `Policy.grace` and sent again if it is not there. A
remote that commits the first call after that holds it twice. Nobody can prevent that where a remote takes no
key of ours as unique; so every effect that was sent more than once is looked up again, all its copies, and
what is there twice stands on its row until a person has deleted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from sqlalchemy import Engine, RowMapping

from customer_health.delivery.batching import repeatable
from customer_health.effects.destination import Destination
from customer_health.effects.effect import Effect
from customer_health.errors import CustomerHealthError
from customer_health.ledger import delivery_log
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import queue as promises
from customer_health.ledger.outbox import transitions

LOOKS_BACK = timedelta(days=30)
FIX = (
    "The destination took a call after we had looked for it in vain, and sent it again. Delete all but one "
    "there; nothing is sent again. Where this happens often, raise the period of grace."
)


@runtime_checkable
class Auditable(Protocol):
    """A destination that can list everything that carries a key."""

    def copies(self, effect: Effect) -> list[str]:
        """Return the remote ids of everything that carries the effect's key."""
        ...


@dataclass
class Audit:
    """What an audit of one destination found.

    Attributes:
        destination: Its name.
        suspects: Effects that were sent more than once without an answer, in the last month.
        checked: Those whose copies were counted.
        duplicated: Those that are there more often than people asked for.
        unasked: Why some could not be checked; empty when all were.
        silent: Whether that is because the destination did not answer.
        named: Key and copies of each that is there twice.
    """

    destination: str
    suspects: int = 0
    checked: int = 0
    duplicated: int = 0
    unasked: str = ""
    silent: bool = False
    named: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return {
            name: value
            for name, value in vars(self).items()
            if name in ("destination", "suspects", "checked", "duplicated")
        }

    def lines(self) -> list[str]:
        """Sentences for people."""
        said = [
            f"{self.destination}: {self.suspects} effects were sent more than once in 30 days; "
            f"{self.checked} were counted there, {self.duplicated} are there twice."
        ]
        return [*said, *self.named, *([self.unasked] if self.unasked else [])]


def audit(engine: Engine, destination: Destination, *, now: datetime) -> Audit:
    """Count the copies of every effect that may have landed twice, and write what is found on its row.

    Args:
        engine: The ledger.
        destination: Whose effects; one that cannot list copies is said to be unaudited.
        now: The present.
    """
    with engine.connect() as connection:
        rows = delivery_log.sent_twice(connection, destination.name, now - LOOKS_BACK)
    suspects = [row for row in rows if not repeatable(destination, promises.effect_of(row))]
    found = Audit(destination.name, suspects=len(suspects))
    if not isinstance(destination, Auditable):
        found.unasked = f"{destination.name} cannot list what carries a key of ours." if suspects else ""
        return found
    for row in suspects:
        try:
            copies = destination.copies(_with_parent(engine, row))
        except CustomerHealthError as error:
            found.unasked = f"{found.suspects - found.checked} could not be counted: {error.message}"
            found.silent = True
            break
        found.checked += 1
        many = len(copies) > 1 + row["resent"]
        if many:
            found.duplicated += 1
            found.named.append(f"{row['key']} is there {len(copies)} times: {', '.join(sorted(copies))}")
        _note(engine, row, sorted(copies) if many else [], now)
    return found


def _with_parent(engine: Engine, row: RowMapping) -> Effect:
    with engine.connect() as connection:
        return promises.with_parent(connection, promises.effect_of(row), row["after_key"])


def _note(engine: Engine, row: RowMapping, copies: Sequence[str], now: datetime) -> None:
    """Keep what was counted, once; take it back when a person has tidied up."""
    words = f"it is there {len(copies)} times: {', '.join(copies)}" if copies else ""
    with writing(engine) as connection:
        if delivery_log.known_copies(connection, row["key"]) != words:
            transitions.move(connection, [transitions.counted(row, words, FIX)], now=now)
