"""The states of an outbox row, and the one place that moves a row from one to another.

- `pending`: to be sent, not before `not_before`.
- `claimed`: a worker holds it under a lease; nothing has been sent. Lapses to pending.
- `sending`: written *before* the call. If the lease lapses here, the call may have happened.
- `unknown`: it may have happened; after a period of grace the destination is asked with `find`.
- `checking`: a worker holds an unknown row. Lapses to unknown.
- `delivered`, `rejected`: done. A rejected row waits for a person: see `resend` in outbox/admin.py.
- `awaiting_approval`: a person must agree first; becomes pending, `declined`, or in time `expired`.
- `folded`: a late alert that a digest carries instead; `superseded`: a later edit or newer values say more,
  or the message that it belongs to will never be sent.

Each claim raises the row's `fence`, and every later write of that claim demands the same number: a worker
that slept through its lease can no longer change the row (Airflow may run a task twice at once). What a
person decides, or a clock, raises it too: it takes the row away from any worker that still holds it.

`move` writes a row's new values and its line in the delivery log (`deliveries`) together. Nothing else in
the project writes either, except outbox/queue.add, which promises new rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from customer_health.effects.effect import Effect
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import deliveries, outbox

OPEN_STATES = ("pending", "claimed", "sending", "checking", "unknown")
DONE_STATES = ("delivered", "rejected", "declined", "expired", "folded", "superseded")
# Events of the delivery audit: what it found on a row that is there twice, and when that was put right.
DUPLICATED, SINGLE_AGAIN = "duplicated", "single again"
_LONGEST_EVENT, _LONGEST_WORKER = 16, 64
_KEYS = 500  # rows that one query asks for

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Claim:
    """One row that a worker may send until `lease_until`.

    Attributes:
        effect: What to do.
        fence: The number that every write of this claim must match.
        attempts: Calls made so far whose outcome was not "come back later".
        must_find: An earlier call may have succeeded: look before sending.
        worker: Who holds it.
        lease_until: Until when.
    """

    effect: Effect
    fence: int
    attempts: int
    must_find: bool
    worker: str
    lease_until: datetime

    @property
    def resting(self) -> str:
        """State in which the row waits if this claim comes to nothing."""
        return "unknown" if self.must_find else "pending"


@dataclass(frozen=True)
class Transition:
    """One step of one row: its new values, and the line about it in the delivery log.

    Attributes:
        key: The row.
        fence: The number that the row must still carry, or nothing is changed.
        event: What the delivery log calls it; empty for a step that the log leaves out (a claim).
        detail: The remote's words or id, or a person's reason.
        values: New values of the row.
        worker: Who took the step, where somebody did.
        takes_over: The fence rises: a worker that still holds the row loses it.
        outside: It took place at the destination. A row that was lost to somebody else keeps its values,
            and the log says "late ...", because it did happen.
    """

    key: str
    fence: int
    event: str
    detail: str
    values: Mapping[str, Any]
    worker: str | None = None
    takes_over: bool = False
    outside: bool = False

    @property
    def new_fence(self) -> int:
        """The row's fence after the step."""
        return self.fence + 1 if self.takes_over else self.fence


def move(connection: Connection, steps: Sequence[Transition], *, now: datetime) -> list[bool]:
    """Take steps inside the caller's transaction; False where the row was no longer ours to move.

    Args:
        connection: The ledger, in a transaction of `writing`.
        steps: In their order.
        now: The present, for the delivery log.
    """
    moved = _write_values(connection, steps)
    lines = [
        {
            "key": step.key,
            "at": now,
            "worker": step.worker and step.worker[:_LONGEST_WORKER],
            "fence": step.new_fence,
            "event": step.event if ours else f"late {step.event}"[:_LONGEST_EVENT],
            "detail": step.detail or None,
        }
        for step, ours in zip(steps, moved, strict=True)
        if step.event and (ours or step.outside)
    ]
    if lines:
        connection.execute(insert(deliveries), lines)
    return moved


def _write_values(connection: Connection, steps: Sequence[Transition]) -> list[bool]:
    """Give rows their new values; False where a row no longer carries the number that its step demands."""
    keys = [step.key for step in steps]
    if len(set(keys)) < len(keys):  # a row takes two steps: the second has to see the first
        return [_write_values(connection, [step])[0] for step in steps]
    # Locked until the caller commits: who holds a row's number now holds it when the row is written.
    fences: dict[str, int] = {}
    query = select(outbox.c.key, outbox.c.fence).order_by(outbox.c.key).with_for_update()
    for start in range(0, len(keys), _KEYS):
        some = connection.execute(query.where(outbox.c.key.in_(keys[start : start + _KEYS])))
        fences.update({row.key: row.fence for row in some})
    moved = [fences.get(step.key) == step.fence for step in steps]
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for step, ours in zip(steps, moved, strict=True):
        if ours:
            values = {**step.values, "fence": step.new_fence}
            bound = {f"new_{name}": value for name, value in values.items()}
            alike.setdefault(tuple(sorted(values)), []).append({**bound, "row": step.key})
    for names, rows in alike.items():
        changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        connection.execute(update(outbox).where(outbox.c.key == bindparam("row")).values(changed), rows)
    return moved


def write(engine: Engine, steps: Sequence[Transition], *, now: datetime) -> list[bool]:
    """As `move`, in a transaction of its own."""
    if not steps:
        return []
    with writing(engine) as connection:
        return move(connection, steps, now=now)


def claimed(claim: Claim) -> Transition:
    """A worker takes the row; nothing has happened that the log should keep."""
    values = {
        "state": "checking" if claim.must_find else "claimed",
        "worker": claim.worker,
        "lease_until": claim.lease_until,
    }
    return Transition(claim.effect.key, claim.fence - 1, "", "", values, takes_over=True)


def sending(claim: Claim, *, now: datetime, needed: timedelta) -> Transition | None:
    """The call is about to be made; None when the claim no longer allows it.

    Args:
        claim: The claim.
        now: The present.
        needed: Lease that must be left, two client time-outs: a send that could outlive its lease
            would run beside the next worker's.
    """
    if claim.lease_until - now < needed:
        return None
    return _of_claim(claim, "sending", "", state="sending", sending_at=now)


def delivered(claim: Claim, remote_id: str, *, now: datetime, found: bool = False) -> Transition:
    """The effect is in place, by this call or (`found`) by an earlier one."""
    return _of_claim(
        claim,
        "found" if found else "delivered",
        remote_id,
        state="delivered",
        remote_id=remote_id,
        delivered_at=now,
        attempts=claim.attempts + (0 if found else 1),
        error=None,
        fix=None,
        lease_until=None,
    )


def busy(claim: Claim, words: str, *, again: datetime) -> Transition:
    """Nothing happened; the row waits until `again` and no attempt is counted."""
    return _of_claim(
        claim, "busy", words, state=claim.resting, not_before=again, error=words, lease_until=None
    )


def limited(claim: Claim, words: str, *, again: datetime) -> Transition:
    """As `busy`, and nobody calls this destination before `again`: see delivery_log.limited_until."""
    return replace(busy(claim, words, again=again), event="limited")


def unknown(claim: Claim, words: str, *, again: datetime) -> Transition:
    """It may have happened; nobody sends it before `find` was asked, after `again`."""
    counted = claim.attempts + 1
    return _of_claim(
        claim,
        "unknown",
        words,
        state="unknown",
        attempts=counted,
        not_before=again,
        error=words,
        lease_until=None,
    )


def rejected(claim: Claim, words: str, fix: str) -> Transition:
    """It was refused: the remote's words verbatim, and what a person can do about it."""
    counted = claim.attempts + 1
    return _of_claim(
        claim, "rejected", words, state="rejected", attempts=counted, error=words, fix=fix, lease_until=None
    )


def released(claim: Claim) -> Transition:
    """The row goes back untouched."""
    return _of_claim(claim, "released", "", state=claim.resting, lease_until=None)


def lapsed(row: Row, *, grace: timedelta) -> Transition:
    """Its worker died while sending: to be looked for once grace has passed since the call."""
    values = {
        "state": "unknown",
        "not_before": row["sending_at"] + grace,
        "attempts": row["attempts"] + 1,
    }
    return _taken(row, "lapsed", "the worker fell silent", values, worker=row["worker"])


def resent(row: Row, reason: str, *, now: datetime) -> Transition:
    """A person wants it sent once more, with all patience anew."""
    values = {
        "state": "pending",
        "attempts": 0,
        "not_before": now,
        "error": None,
        "fix": None,
        "lease_until": None,
    }
    return _taken(row, "resend", reason, values)


def approved(row: Row, by: str, reason: str) -> Transition:
    """A person agreed: it leaves with the next dispatch."""
    return _taken(row, "approved", f"{by}: {reason}", {"state": "pending"}, worker=by)


def declined(row: Row, by: str, reason: str) -> Transition:
    """A person refused it for good."""
    values = {"state": "declined", "error": f"declined by {by}: {reason}"}
    return _taken(row, "declined", f"{by}: {reason}", values, worker=by)


def expired(row: Row) -> Transition:
    """Nobody approved it in time."""
    return _taken(row, "expired", "", {"state": "expired", "error": "nobody approved it in time"})


def superseded(row: Row, why: str) -> Transition:
    """Something newer says more; it is not sent."""
    return _taken(row, "superseded", why, _settled("superseded", why))


def folded(row: Row, why: str) -> Transition:
    """A digest carries its news instead."""
    return _taken(row, "folded", why, _settled("folded", why))


def counted(row: Row, words: str, fix: str) -> Transition:
    """The delivery audit found copies of it, or (without words) that there is one again."""
    event, values = (DUPLICATED, (words, fix)) if words else (SINGLE_AGAIN, (None, None))
    told = dict(zip(("error", "fix"), values, strict=True))
    return Transition(row["key"], row["fence"], event, words, told, worker="audit")


def distrust_open(connection: Connection, states: Sequence[str]) -> None:
    """Make every open row of a restored ledger unknown: what happened since the copy may have sent it.

    In one statement, because a copy may hold many; the fence is raised, so that nobody who still holds a
    claim from before can move the row.
    """
    connection.execute(
        update(outbox)
        .where(outbox.c.state.in_(states))
        .values(
            state="unknown",
            fence=outbox.c.fence + 1,
            lease_until=None,
            sending_at=func.coalesce(outbox.c.sending_at, outbox.c.created_at),
        )
    )


def _settled(state: str, why: str) -> dict[str, Any]:
    return {"state": state, "error": None, "fix": why, "lease_until": None}


def _of_claim(claim: Claim, event: str, detail: str, **values: Any) -> Transition:
    return Transition(claim.effect.key, claim.fence, event, detail, values, worker=claim.worker, outside=True)


def _taken(
    row: Row, event: str, detail: str, values: Mapping[str, Any], worker: str | None = None
) -> Transition:
    return Transition(row["key"], row["fence"], event, detail, values, worker=worker, takes_over=True)
