"""When the data is under suspicion: whose suspicion a person has already answered, and for how long.

A hold turns the day's single alerts into one summary that waits for approval; scores are shown as ever. It
ends when its reason is gone. Approving the summary says that the customers moved, not the data:
then the same reason holds nothing back for `playbooks.hold_released_days`. A summary that was declined, or
that nobody answered in `playbooks.approval_expires_hours`, releases nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.ledger import delivery_log

BRAKE = "alert_brake"


def standing(
    connection: Connection, suspicions: Mapping[str, str], config: CompanyConfig, *, as_of: date
) -> tuple[dict[str, str], list[str]]:
    """Return the suspicions that hold alerts today, and a sentence about each that a person has answered.

    Args:
        connection: The ledger.
        suspicions: Kind ("drift", "stale:usage") -> what is suspected, in words.
        config: The company's numbers.
        as_of: The day.
    """
    if not suspicions:
        return {}, []
    days = config.playbooks.hold_released_days
    answered = {
        kind: (row.worker, row.as_of + timedelta(days=days))
        for row in delivery_log.approvals(connection, BRAKE, after=as_of - timedelta(days=days), until=as_of)
        for kind in row.payload.get("hold_kinds", ())
    }
    said = [
        f"{words}: approved by {answered[kind][0]}, holds nothing back before {answered[kind][1]}."
        for kind, words in suspicions.items()
        if kind in answered
    ]
    return {kind: words for kind, words in suspicions.items() if kind not in answered}, said


def named(effects: Sequence[Effect], held: Mapping[str, str]) -> list[Effect]:
    """Write into the summary of the day which kinds of suspicion its approval releases."""
    return [
        replace(effect, payload={**effect.payload, "hold_kinds": sorted(held)})
        if effect.playbook == BRAKE and held
        else effect
        for effect in effects
    ]
