"""What one account had under contract, day by day, from the history of its contracts' states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class State:
    """One state of a contract; days count from 1970-01-01.

    Attributes:
        contract: Its id.
        begins: Day on which the state took effect.
        known: Day on which that was known.
        active: False if the contract ended with this state.
        ends: First day without it if its term is not renewed; None if it goes on until a later state.
        rank: Rank of the plan; None if unknown.
        seats: Licensed seats; None if unknown.
        arr: ARR; None if unknown.
    """

    contract: str
    begins: int
    known: int
    active: bool
    ends: int | None = None
    rank: int | None = None
    seats: float | None = None
    arr: float | None = None


@dataclass(frozen=True)
class Level:
    """What was in force from one day to the next change.

    Attributes:
        since: First day.
        states: The state in force of each contract, by contract; empty: the account had none.
        known: Day by which everything that took effect on `since` was known.
    """

    since: int
    states: tuple[State, ...]
    known: int

    @property
    def in_force(self) -> bool:
        """Whether any contract was."""
        return bool(self.states)

    @property
    def contracts(self) -> frozenset[str]:
        """Contracts in force."""
        return frozenset(state.contract for state in self.states)

    @property
    def rank(self) -> int | None:
        """The highest known rank of a plan."""
        return max((state.rank for state in self.states if state.rank is not None), default=None)

    @property
    def seats(self) -> float | None:
        """Seats of the contracts that say how many."""
        known = [state.seats for state in self.states if state.seats is not None]
        return sum(known) if known else None

    @property
    def arr(self) -> float | None:
        """ARR; unknown if any part is."""
        known = [state.arr for state in self.states if state.arr is not None]
        return sum(known) if known and len(known) == len(self.states) else None

    @property
    def without_seats(self) -> frozenset[str]:
        """Contracts in force that do not say how many seats they have."""
        return frozenset(state.contract for state in self.states if state.seats is None)


def levels(states: Sequence[State]) -> list[Level]:
    """Return what was in force, from the first state on; neighbours differ in some state.

    Args:
        states: Of one account; of one contract in order of time. Of several states that begin on one day the
            last one counts.
    """
    changes: dict[int, list[tuple[State, bool]]] = {}
    for state, end in spans(states):
        changes.setdefault(state.begins, []).append((state, True))
        if end is not None:
            changes.setdefault(end, []).append((state, False))
    held: dict[str, State] = {}
    out: list[Level] = []
    for day in sorted(changes):
        for state, begins in sorted(changes[day], key=lambda change: change[1]):  # ends before beginnings
            held.pop(state.contract, None)
            if begins and state.active:
                held[state.contract] = state
        now = tuple(held[contract] for contract in sorted(held))
        if not out or now != out[-1].states:
            out.append(Level(day, now, max(state.known for state, _ in changes[day])))
    return out


def spans(states: Sequence[State]) -> Iterator[tuple[State, int | None]]:
    """Return each state that was in effect for a day at least, with the first day without it."""
    following: dict[str, int] = {}
    spans = []
    for state in reversed(states):
        ends = [day for day in (following.get(state.contract), state.ends) if day is not None]
        end = max(state.begins, min(ends)) if ends else None
        following[state.contract] = state.begins
        if end != state.begins:
            spans.append((state, end))
    return reversed(spans)
