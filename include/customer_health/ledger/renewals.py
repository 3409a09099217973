"""What the ledger knows about renewals: who is up for one on a day, and what people say it will bring.

Calls are append-only. The latest one before a moment is in force; who said what earlier can still be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select

from customer_health.errors import FatalError
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import account_owners, renewal_calls, score_runs, scores

Kind = Literal["csm", "final"]
CSM: Kind = "csm"
FINAL: Kind = "final"
_OF_SCORES = (
    *("account_id", "name", "segment", "arr", "currency", "renewal_date", "p_decision", "state"),
    *("notice_given", "owner_email", "manager_email", "score_shown", "why"),
)


@dataclass(frozen=True)
class Call:
    """What somebody says that a renewal, or a quarter of them, will bring.

    Attributes:
        quarter: The quarter, as `kpis/renewals/quarters.py` names it.
        kind: `csm`, by who looks after the account; `final`, by the lead who answers for the number.
        retained_arr: ARR after the decision, a year; 0 for a customer who leaves.
        by: Who says so.
        at: When.
        account_id: The account; None for the whole quarter.
        renewal_date: Its renewal when the call was made.
        arr: ARR up for renewal when the call was made.
        currency: Of both amounts.
        note: Why, in a few words.
    """

    quarter: str
    kind: Kind
    retained_arr: float
    by: str
    at: datetime
    account_id: str | None = None
    renewal_date: date | None = None
    arr: float | None = None
    currency: str | None = None
    note: str = ""


_OF_CALLS = tuple(field.name for field in fields(Call))


def record_call(engine: Engine, call: Call) -> None:
    """Keep a call; an earlier one about the same stays and is no longer in force.

    Raises:
        FatalError: Nobody's name, no reason, an impossible amount, or a CSM's call about a whole quarter.
    """
    if not call.by.strip() or len(call.note.strip()) < 5:
        raise FatalError("A call needs who and why.", hint="Say in a few words what it rests on.")
    if not math.isfinite(call.retained_arr) or call.retained_arr < 0:
        raise FatalError(
            "The ARR after the renewal is not an amount.", hint="Write 0 for a customer who leaves, or more."
        )
    if call.kind not in (CSM, FINAL) or (call.account_id is None and call.kind != FINAL):
        raise FatalError("Only a final call can be about a whole quarter.", hint="Name an account.")
    values = {name: getattr(call, name) for name in _OF_CALLS}
    with writing(engine) as connection:
        connection.execute(insert(renewal_calls).values(values | {"note": call.note.strip()}))


def calls_in_force(
    connection: Connection, *, before: datetime, quarters: Iterable[str] | None = None
) -> dict[tuple[str | None, str, str], Call]:
    """Return the latest calls made before a moment, by account (None: the quarter's), quarter and kind."""
    c = renewal_calls.c
    query = select(*(c[name] for name in _OF_CALLS)).where(c.at < before).order_by(c.at, c.id)
    if quarters is not None:
        query = query.where(c.quarter.in_(sorted(set(quarters))))
    rows = connection.execute(query).mappings()
    return {(row["account_id"], row["quarter"], row["kind"]): Call(**row) for row in rows}


def rows_with_renewals(connection: Connection, as_of: date) -> list[RowMapping]:
    """Return what a forecast needs of every customer with a row on one day, by account."""
    query = select(*(scores.c[name] for name in _OF_SCORES)).where(scores.c.as_of == as_of)
    return list(connection.execute(query.order_by(scores.c.account_id)).mappings())


def state_of(connection: Connection, as_of: date, before: datetime) -> tuple[Any, ...]:
    """Return what changes with a day's scores, with the calls made before a moment, or with an erasure."""
    run = select(score_runs.c.published_at).where(score_runs.c.as_of == as_of)
    c = renewal_calls.c
    calls = select(func.count(), func.max(c.at)).where(c.at < before)
    known = select(func.count()).select_from(account_owners)
    return (
        connection.execute(run).scalar(),
        connection.execute(known).scalar(),
        *connection.execute(calls).one(),
    )
