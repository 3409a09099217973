"""What every aggregation has: whether it has a window, what it reads, and how far it looks back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from customer_health.warehouse.table import Type

NUMERIC = (Type.NUMBER, Type.INTEGER)
TEMPORAL = (Type.TIMESTAMP, Type.DATE)
TEXT = (Type.TEXT,)


@dataclass(frozen=True)
class Aggregation:
    """Base of the family.

    Attributes:
        windowed: Whether the signal must name a window.
        only: Tables this aggregation understands; empty means any table of facts.
        dated: It reads the end of a term. An evergreen contract has none, and that is known: no answer
            about such an account is not a gap in what we know of it.
        people: It counts people, whom totals of events do not tell: a day is lost for it where the source of
            the people was silent.
    """

    windowed: ClassVar[bool] = True
    only: ClassVar[tuple[str, ...]] = ()
    dated: ClassVar[bool] = False
    people: ClassVar[bool] = False

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        """Yield the columns it reads, each with the types it accepts."""
        yield from ()

    def looks_back(self, window: int) -> int:
        """Days before the as-of date that it may look at; two windows for those that compare."""
        return 2 * window
