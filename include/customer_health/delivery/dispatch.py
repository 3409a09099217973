"""Fulfil what the outbox promised to one destination. May be killed anywhere, and run twice at once."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine

from customer_health.delivery import backlog, circuit_breaker
from customer_health.delivery.batching import BulkDestination
from customer_health.delivery.circuit_breaker import Breaker
from customer_health.delivery.delivery_policy import Clock, DeliveryCounts, Policy
from customer_health.delivery.sender import Sender
from customer_health.effects.destination import Destination
from customer_health.ledger.crash_points import crash_point
from customer_health.ledger.outbox import queue as outbox

log = logging.getLogger(__name__)

BATCH = 50

__all__ = ["DeliveryCounts", "Policy", "deliver", "drain"]


def deliver(
    engine: Engine,
    destination: Destination,
    *,
    now: Clock,
    limit: int = 100_000,
    policy: Policy | None = None,
    worker: str | None = None,
) -> DeliveryCounts:
    """Send every due effect of `destination`, at most `limit`.

    A destination whose `idempotent` attribute is true (the key is the remote's own unique id) is sent to
    again at once after an unknown outcome; every other is asked with `find` after a period of grace. One
    that takes batches says so for each effect: see batching.py. While the circuit breaker is open no call
    is made; when it is half open, one. Nor while the destination has asked any process to wait, unless its
    `local` is true: then it is no remote, and the ledger need not be asked before each call.

    Args:
        engine: The ledger.
        destination: Where to; its `name` selects the rows.
        now: The clock, zone-aware.
        limit: How many rows at most.
        policy: Patience.
        worker: Name for the delivery log; defaults to host, process and a random part.

    Returns:
        What became of them. Nothing about a single row is raised: it is recorded in its row.
    """
    rules = policy or Policy()
    name = worker or f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    counts = DeliveryCounts(destination.name)
    counts.superseded = backlog.fold(engine, destination.name, now=now())
    circuit = circuit_breaker.read(
        engine, destination.name, Breaker(rules.breaker_threshold, rules.breaker_cooldown)
    )
    sender = Sender(engine, destination, now, rules, counts, circuit)
    size = max(BATCH, int(getattr(destination, "batch", 0)))
    taken = 0
    if isinstance(destination, BulkDestination) and not circuit.probing(now()):
        taken = _in_bulk(sender, destination, name, limit)
    while taken < limit and sender.may_call():
        claims = outbox.claim(
            engine,
            destination.name,
            worker=name,
            now=now(),
            limit=1 if circuit.probing(now()) else min(size, limit - taken),
            lease=rules.lease,
            grace=timedelta(0) if sender.idempotent else rules.grace,
        )
        if not claims:
            break
        taken += len(claims)
        crash_point("after_claim")
        sender.send_batch(claims)
    log.info("deliveries: %s", counts.counts())
    return counts


def _in_bulk(sender: Sender, destination: BulkDestination, worker: str, limit: int) -> int:
    """Send as jobs what is due by the thousand; return how many rows were taken."""
    taken, verb, rules = 0, destination.bulk_verb, sender.policy
    while taken < limit and sender.may_call():
        at, room = sender.now(), min(destination.bulk_most, limit - taken)
        if min(outbox.due(sender.engine, destination.name, verb, now=at), room) < destination.bulk_from:
            break
        claims = outbox.claim(
            sender.engine,
            destination.name,
            worker=worker,
            now=at,
            limit=room,
            lease=rules.bulk_lease,
            grace=rules.grace,
            verb=verb,
        )
        taken += len(claims)
        crash_point("after_claim")
        sender.carry_in_bulk(claims, destination)
    return taken


def drain(
    engine: Engine,
    destination: Destination,
    *,
    now: Clock,
    patience: timedelta = timedelta(minutes=10),
    policy: Policy | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> DeliveryCounts:
    """Deliver, and wait for what becomes due soon: a retry, an open circuit, a period of grace.

    Without this a call whose answer was lost would wait for tomorrow's run. What is due later than
    `patience` from the start stays for the next run.

    Args:
        engine: The ledger.
        destination: Where to.
        now: The clock.
        patience: How long to stay.
        policy: As for `deliver`.
        sleep: How to wait.
    """
    until = now() + patience
    counts = deliver(engine, destination, now=now, policy=policy)
    while not counts.needs_person:
        due, at = outbox.next_due(engine, destination.name), now()
        if due is None or (due <= at and counts.resume_at is None):
            break  # nothing is left, or only what waits for something else than time
        again = max(due, counts.resume_at or due, at + timedelta(seconds=1))
        if again > until:
            break
        sleep((again - at).total_seconds())
        counts.add(deliver(engine, destination, now=now, policy=policy))
    return counts
