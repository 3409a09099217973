"""Losses that the levels of one account show: it left, its plan fell, its seats shrank.

A level that comes back within the grace was never lost: paperwork leaves gaps of days between a plan and the
next, between a term and its renewal. So what an account has on a day is the most that it has within the
grace from that day on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from customer_health.contract_rules import OutcomesConfig
from customer_health.warehouse.losses.levels import Level


@dataclass(frozen=True)
class Loss:
    """One loss; days count from 1970-01-01.

    Attributes:
        kind: As in the table of outcomes.
        day: The first day without it.
        known: Day on which nobody could doubt it any more.
        arr: ARR that went; None if unknown.
        why: What was seen, in words.
    """

    kind: str
    day: int
    known: int
    arr: float | None
    why: str


def contract_losses(history: Sequence[Level], until: int, rules: OutcomesConfig) -> list[Loss]:
    """Return the losses of one account that were known before the day `until`.

    Args:
        history: As from `levels`.
        until: The as-of date.
        rules: Grace and thresholds.
    """
    found = [*_left(history, rules), *_downgraded(history, rules), *_shrank(history, rules)]
    return sorted((loss for loss in found if loss.known < until), key=lambda loss: (loss.day, loss.kind))


def _left(history: Sequence[Level], rules: OutcomesConfig) -> Iterator[Loss]:
    for before, now, after in _with_neighbours(history):
        if before is None or not before.in_force or now.in_force:
            continue
        if after is None or after.since > now.since + rules.grace_days:
            known = max(now.known, now.since + rules.grace_days)
            passed = all(state.ends == now.since for state in before.states)
            why = "term passed, nothing followed" if passed else "no contract in force"
            yield Loss("logo_churn", now.since, known, before.arr, why)


def _downgraded(history: Sequence[Level], rules: OutcomesConfig) -> Iterator[Loss]:
    for place, before, now in _changes(history):
        best = _best(history, place, rules.grace_days, lambda level: level.rank)
        if best is None or best.rank is None or before.rank is None or best.rank >= before.rank:
            continue
        yield Loss(
            "downgrade",
            now.since,
            _known(now, best, rules),
            _difference(before.arr, best.arr),
            f"plan rank {before.rank} -> {best.rank}",
        )


def _shrank(history: Sequence[Level], rules: OutcomesConfig) -> Iterator[Loss]:
    since = None  # the first day whose seats may be compared with: none before the last loss
    for place, before, now in _changes(history):
        best = _best(history, place, rules.grace_days, lambda level: level.seats)
        if best is None or best.seats is None or before.seats is None or best.seats >= before.seats:
            continue
        if not best.without_seats <= before.without_seats:
            continue  # a contract that no longer says how many seats it has is not a contraction
        had = _most_seats(history, place, now.since - rules.seats_window_days, since)
        if had - best.seats <= rules.seats_fall * had * (1 + 1e-12):
            continue
        since = now.since
        yield Loss(
            "contraction_seats",
            now.since,
            _known(now, best, rules),
            _difference(before.arr, best.arr),
            f"seats {had:g} -> {best.seats:g}",
        )


def _changes(history: Sequence[Level]) -> Iterator[tuple[int, Level, Level]]:
    """Every change from a level in force: its place, the level before and the one after."""
    for place in range(1, len(history)):
        if history[place - 1].in_force:
            yield place, history[place - 1], history[place]


def _best(
    history: Sequence[Level], place: int, grace: int, measure: Callable[[Level], float | None]
) -> Level | None:
    """The level with the most of a measure within the grace; the earliest of equals."""
    best, most = None, -1.0
    for number in range(place, len(history)):
        level = history[number]
        if level.since > history[place].since + grace:
            break
        value = measure(level)
        if value is not None and value > most:
            best, most = level, value
    return best


def _most_seats(history: Sequence[Level], place: int, since: int, last_loss: int | None) -> float:
    """The most seats of a level that reached into the window before a change."""
    most = 0.0
    for number in range(place - 1, -1, -1):
        if history[number + 1].since <= since or not history[number].in_force:
            break
        if last_loss is not None and history[number].since < last_loss:
            break
        most = max(most, history[number].seats or 0.0)
    return most


def _known(now: Level, best: Level, rules: OutcomesConfig) -> int:
    """What is gone may come back until the grace is over; only then nobody can doubt it."""
    return max(now.known, best.known, now.since + rules.grace_days)


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0.0, before - after)


def _with_neighbours(history: Sequence[Level]) -> Iterator[tuple[Level | None, Level, Level | None]]:
    for place, level in enumerate(history):
        before = history[place - 1] if place else None
        yield before, level, history[place + 1] if place + 1 < len(history) else None
