"""Customers whose term has passed while they go on using the product: did they renew?

Renewals are booked late or never, and a term that passed more than 30 days ago ends a customer. Usage says
otherwise. Until somebody books a renewal or the usage ends, the contract that lapsed is presumed renewed: a
derived contract, without a term, carries its plan, seats and ARR on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from customer_health.warehouse.losses.levels import State

FOLLOWS_BEFORE = 90  # a renewal is signed at most so many days before the term passes
GRACE_DAYS = 30  # for so long a contract past its term counts as in force everywhere


@dataclass(frozen=True)
class Presumed:
    """A contract that is presumed renewed; days count from 1970-01-01.

    Attributes:
        place: Position of the lapsed state in the list that was given.
        since: Day from which it would have been lost without the presumption.
        until: Day on which the presumption ended, by news or by silence; None while it holds.
        last_used: Last day of usage before it ended.
    """

    place: int
    since: int
    until: int | None
    last_used: int


def presumed_renewals(
    states: Sequence[State], used: Sequence[tuple[int, int]], left: Sequence[int], until: int, quiet: int
) -> list[Presumed]:
    """Return the contracts of one account that usage has kept alive since their term passed.

    Args:
        states: Of one account, of one contract in order of time; `ends` is the day on which the term passes.
        used: Days with usage, as (day, day on which it was known).
        left: Days on which it was known that the customer leaves or has left.
        until: The as-of date.
        quiet: Usage has ended when so many days have passed without any.
    """
    seen = sorted(max(day, known) for day, known in used)
    news = sorted({max(state.begins, state.known) for state in states} | set(left))
    lapses = {state.ends + GRACE_DAYS for state in states if state.active and state.ends is not None}
    out: list[Presumed] = []
    for day in sorted(lapses):
        if day >= until or any(found.until is None or found.until > day for found in out):
            continue
        before, after = _in_force(states, day), _in_force(states, day + 1)
        place = bisect_right(seen, day)
        if not before or after or not place or seen[place - 1] <= day - quiet:
            continue
        if any(told <= day and told > _signed(states, before) for told in left):
            continue
        booked = next(
            (told for told in news if told > day and (_in_force(states, told + 1) or told in left)), None
        )
        last = place - 1
        while last + 1 < len(seen) and seen[last + 1] <= seen[last] + quiet:
            last += 1
        ends = [seen[last] + quiet] + ([booked] if booked is not None else [])
        ended = min(ends)
        out += [Presumed(number, day, ended if ended < until else None, seen[last]) for number in before]
    return out


def unsettled(states: Sequence[State], used: Sequence[tuple[int, int]], until: int, quiet: int) -> list[int]:
    """Return the places of states whose term passed while the account is used and has other contracts.

    Nobody has followed on them: no contract of the account has begun since shortly before the term passed.
    They are asked about and not presumed renewed, for others may have taken their place.

    Args:
        states: As for `presumed_renewals`.
        used: As for `presumed_renewals`.
        until: The as-of date.
        quiet: Usage has ended when so many days have passed without any.
    """
    if not any(max(day, known) > until - quiet for day, known in used):
        return []
    now = {states[place].contract for place in _in_force(states, until)}
    if not now:
        return []
    latest = {
        state.contract: place for place, state in enumerate(states) if max(state.begins, state.known) < until
    }
    lapsed = [
        place
        for contract, place in latest.items()
        if contract not in now and states[place].active and states[place].ends is not None
    ]
    return [
        place
        for place in lapsed
        if not any(state.begins >= (states[place].ends or 0) - FOLLOWS_BEFORE for state in states)
    ]


def silent_lapses(states: Sequence[State], until: int) -> list[int]:
    """Return the places of states whose term passed in the year before `until` and on which nothing followed.

    The account has no contract in force, and nobody has booked an end: that it left is read off the silence.

    Args:
        states: As for `presumed_renewals`.
        until: The as-of date.
    """
    if _in_force(states, until):
        return []
    latest: dict[str, int] = {}
    for place, state in enumerate(states):
        if max(state.begins, state.known) < until:
            latest[state.contract] = place
    ends = {place: states[place].ends for place in latest.values() if states[place].active}
    last = max((end for end in ends.values() if end is not None), default=None)
    booked = [states[place].begins for place in latest.values() if not states[place].active]
    if last is None or last < until - 365 or any(day > last for day in booked):
        return []
    return [place for place, end in ends.items() if end == last]


def _in_force(states: Sequence[State], day: int) -> list[int]:
    """Positions of the states in force on an as-of date, with what was known before it."""
    latest: dict[str, int] = {}
    for place, state in enumerate(states):
        if max(state.begins, state.known) < day:
            latest[state.contract] = place
    return [
        place
        for place in latest.values()
        if states[place].active and (states[place].ends or day) + GRACE_DAYS >= day
    ]


def _signed(states: Sequence[State], places: Sequence[int]) -> int:
    """The last day on which any of these states took effect: notice from before it is settled."""
    return max(states[place].begins for place in places)
