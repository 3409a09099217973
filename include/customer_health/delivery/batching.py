"""Destinations that take many effects in one call; the two-verb protocol stays the rule for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.effects.destination import Destination, RateLimitedError, RejectedError
from customer_health.effects.effect import Effect

Outcome = str | Exception
Row = TypeVar("Row")
Got = TypeVar("Got")


@runtime_checkable
class BatchDestination(Destination, Protocol):
    """A destination whose remote takes a batch.

    Attributes:
        batch: Most effects of one verb that `deliver_many` takes.
    """

    batch: int

    def deliver_many(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Return for each effect, in order, its remote id or the error that `deliver` would raise.

        An error that is raised instead holds for all of them.
        """
        ...


@runtime_checkable
class BulkDestination(Destination, Protocol):
    """A destination that takes one verb by the thousand, as a job that it works on alone.

    Attributes:
        bulk_verb: That verb; each of its effects is repeatable.
        bulk_from: From so many due effects on.
        bulk_most: Most effects of one job.
    """

    bulk_verb: str
    bulk_from: int
    bulk_most: int

    def deliver_bulk(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Return the outcome of each effect, in order; an error that is raised holds for all of them."""
        ...


@runtime_checkable
class Discerning(Protocol):
    """A destination where some repeats are harmless, because the remote knows their key, and some are not."""

    def repeatable(self, effect: Effect) -> bool:
        """Return whether sending this effect again can do no harm; the same for every effect of a verb."""
        ...


def repeatable(destination: Destination, effect: Effect) -> bool:
    """Return whether a repeat of `effect` is harmless at `destination`.

    Where the destination must ask its remote to know, and the remote does not answer, it is not.
    """
    if isinstance(destination, Discerning):
        try:
            return destination.repeatable(effect)
        except Exception:
            return False
    return bool(getattr(destination, "idempotent", False))


def _asked(destination: Destination, effect: Effect) -> bool:
    if not isinstance(destination, Discerning):
        return repeatable(destination, effect)
    try:
        return destination.repeatable(effect)
    except (DestinationUnavailableError, RateLimitedError):
        raise
    except Exception:
        return False


def groups(destination: Destination, effects: Sequence[Effect]) -> list[list[int]]:
    """Return positions of effects that travel together: one verb a call, and alone where a repeat harms.

    Raises:
        DestinationUnavailableError, RateLimitedError: It was asked, and wants no call at all now.
    """
    together: dict[str, list[int]] = {}
    found: list[list[int]] = []
    harmless: dict[str, bool] = {}  # asked once per verb: a remote that is down must not be asked 200 times
    most = destination.batch if isinstance(destination, BatchDestination) else None
    for place, effect in enumerate(effects):
        if effect.verb not in harmless:
            harmless[effect.verb] = _asked(destination, effect)
        if not harmless[effect.verb]:
            found.append([place])
            continue
        kind = effect.verb if most else ""
        group = together.get(kind, [])
        if not group or (most and len(group) >= most):
            together[kind] = group = []
            found.append(group)
        group.append(place)
    return found


def by_verb(
    effects: Sequence[Effect],
    verbs: Iterable[str],
    write: Callable[[str, Sequence[Effect]], Sequence[Outcome]],
    otherwise: Callable[[Effect], Outcome],
) -> list[Outcome]:
    """Write effects of several verbs, one verb after the other; their outcomes come back in order.

    Args:
        effects: Of any verbs.
        verbs: Those that can be written, in the order in which they are.
        write: Takes a verb and its effects, returns one outcome each.
        otherwise: The outcome of an effect of another verb.
    """
    outcomes: list[Outcome] = [otherwise(effect) for effect in effects]
    for verb in verbs:
        places = [place for place, effect in enumerate(effects) if effect.verb == verb]
        written = write(verb, [effects[place] for place in places]) if places else ()
        for place, outcome in zip(places, written, strict=True):
            outcomes[place] = outcome
    return outcomes


def one(outcome: Outcome) -> str:
    """Return the remote id of a batch of one, or raise its error."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def isolating(
    send: Callable[[Sequence[Row]], Sequence[Got]], rows: Sequence[Row], most_calls: int = 24
) -> list[Got | RejectedError]:
    """Send a batch; when the remote refuses it whole, halve it until the poisonous row stands alone.

    Args:
        send: Takes rows, returns one result each, or raises RejectedError for all of them.
        rows: The batch.
        most_calls: When they are spent, every row not yet sent shares the last refusal.

    Returns:
        Per row its result, or the RejectedError.
    """
    calls = 0

    def attempt(some: Sequence[Row]) -> list[Got | RejectedError]:
        nonlocal calls
        calls += 1
        try:
            return list(send(some))
        except RejectedError as error:
            if len(some) == 1 or calls >= most_calls:
                return [error] * len(some)
            half = len(some) // 2
            return attempt(some[:half]) + attempt(some[half:])

    return attempt(rows) if rows else []


def built(build: Callable[[Effect], Got], effect: Effect) -> Got | RejectedError:
    """Build one row; an effect that cannot be built is refused and keeps nobody else from leaving."""
    try:
        return build(effect)
    except RejectedError as error:
        return error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return RejectedError(
            f"The effect cannot be written: {type(error).__name__} {error}"[:300],
            hint=f"Look at the payload of {effect.key}; the playbook {effect.playbook} made it.",
        )
