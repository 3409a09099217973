"""What the simulated company's people answer before something leaves: yes, no, or nothing in time.

Equal proposals get equal answers, whenever they are asked about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from customer_health.ledger.outbox import admin

APPROVED, DECLINED = 0.55, 0.20  # of the proposals; the rest is left until it expires
WHY = {True: "fits what we know of them", False: "not now: they are in the middle of something else"}


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        key: Of the effect that waits.
        approves: Yes or no.
        by: Who answers: the account's owner.
        reason: Why, in a few words.
    """

    key: str
    approves: bool
    by: str
    reason: str


def answers(engine: Engine, now: datetime) -> list[Answer]:
    """Return what people say to everything that waits for them and has not expired at `now`."""
    given = []
    for row in admin.awaiting(engine):
        luck = _luck(str(row["key"]))
        late = row["expires_at"] is not None and row["expires_at"] <= now
        if late or luck >= APPROVED + DECLINED:
            continue
        yes = luck < APPROVED
        owner = str(row["payload"]["account"]["owner"]["email"])
        given.append(Answer(str(row["key"]), yes, owner, WHY[yes]))
    return given


def give(engine: Engine, now: datetime, approvers: Sequence[str] = ()) -> int:
    """Give these answers as people do on the command line or the page; return how many.

    Args:
        engine: The ledger.
        now: The present.
        approvers: Who may approve; the first of them answers. Empty: anybody may.
    """
    given = answers(engine, now)
    for one in given:
        verb = admin.approve if one.approves else admin.decline
        by = approvers[0] if approvers else one.by
        verb(engine, one.key, by=by, reason=one.reason, now=now, approvers=approvers)
    return len(given)


def _luck(key: str) -> float:
    digest = hashlib.sha256(f"approval:{key}".encode()).hexdigest()
    return int(digest[:12], 16) / 16**12
