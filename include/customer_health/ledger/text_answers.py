"""What models answered about texts and facts, and what that cost.

An amount that no request can exceed is reserved before it goes out, in the transaction that looks at the
week's budget, and replaced by what it cost when the answer is there. A request whose answer never came keeps
its reservation: the vendor may have counted it. So the budget holds whatever happens in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update

from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.schema import text_answers, text_spending

_AT_ONCE = 500  # keys per query; SQLite takes some thousand parameters


def answer_key(purpose: str, provider: str, model: str, prompt: str, content_hash: str) -> str:
    """Return the key of a question: the same question has the same key, and is asked once."""
    asked = json.dumps([purpose, provider, model, prompt, content_hash])
    return hashlib.sha256(asked.encode()).hexdigest()


def known_answers(engine: Engine, keys: Iterable[str]) -> dict[str, Any]:
    """Return key -> answer of those keys that were answered."""
    wanted, found = list(keys), dict[str, Any]()
    with engine.connect() as connection:
        for first in range(0, len(wanted), _AT_ONCE):
            query = select(text_answers.c.key, text_answers.c.answer).where(
                text_answers.c.key.in_(wanted[first : first + _AT_ONCE])
            )
            found |= {row.key: row.answer for row in connection.execute(query)}
    return found


def keep_answer(
    engine: Engine,
    *,
    purpose: str,
    provider: str,
    model: str,
    prompt: str,
    content_hash: str,
    answer: Mapping[str, Any],
    now: datetime,
) -> None:
    """Keep an answer for good."""
    key = answer_key(purpose, provider, model, prompt, content_hash)
    with writing(engine) as connection:
        connection.execute(delete(text_answers).where(text_answers.c.key == key))
        connection.execute(
            insert(text_answers).values(
                key=key,
                purpose=purpose,
                provider=provider,
                model=model,
                prompt=prompt,
                content_hash=content_hash,
                answer=dict(answer),
                at=now,
            )
        )


def answers_of(engine: Engine, purpose: str, provider: str, model: str, prompt: str) -> dict[str, Any]:
    """Return content hash -> answer of everything that one model was asked under one prompt version."""
    query = select(text_answers.c.content_hash, text_answers.c.answer).where(
        text_answers.c.purpose == purpose,
        text_answers.c.provider == provider,
        text_answers.c.model == model,
        text_answers.c.prompt == prompt,
    )
    with engine.connect() as connection:
        return {row.content_hash: row.answer for row in connection.execute(query)}


def week_of(now: datetime) -> date:
    """Return the Monday of the week whose budget counts."""
    return now.date() - timedelta(days=now.weekday())


def reserve(
    engine: Engine, *, provider: str, model: str, purpose: str, most: float, budget: float, now: datetime
) -> int | None:
    """Reserve what a request may cost at most; None if the week's budget does not allow it.

    Returns:
        The reservation's id, for `settle`.
    """
    week = week_of(now)
    counted = func.coalesce(text_spending.c.spent, text_spending.c.reserved)
    with writing(engine) as connection:
        serialise(connection, "text_budget")
        so_far = connection.execute(
            select(func.coalesce(func.sum(counted), 0.0)).where(text_spending.c.week == week)
        ).scalar_one()
        if so_far + most > budget:
            return None
        made = connection.execute(
            insert(text_spending).values(
                week=week, provider=provider, model=model, purpose=purpose, reserved=most, spent=None, at=now
            )
        )
        return int(made.inserted_primary_key[0])  # type: ignore[index]


def settle(engine: Engine, reservation: int, spent: float) -> None:
    """Replace a reservation by what the request cost."""
    with writing(engine) as connection:
        connection.execute(update(text_spending).where(text_spending.c.id == reservation).values(spent=spent))


def spending(engine: Engine, since: date) -> list[dict[str, Any]]:
    """Return by week, provider, model and purpose: `requests`, `cost` and `unanswered`, newest first.

    Args:
        engine: The ledger.
        since: First Monday that counts.
    """
    c = text_spending.c
    by = (c.week, c.provider, c.model, c.purpose)
    query = select(
        *by,
        func.count().label("requests"),
        func.sum(func.coalesce(c.spent, c.reserved)).label("cost"),
        (func.count() - func.count(c.spent)).label("unanswered"),
    )
    query = query.where(c.week >= since).group_by(*by).order_by(c.week.desc(), *by[1:])
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def spent_in_week(engine: Engine, now: datetime) -> float:
    """Return what this week has cost so far, reservations without an answer included."""
    counted = func.coalesce(text_spending.c.spent, text_spending.c.reserved)
    query = select(func.coalesce(func.sum(counted), 0.0)).where(text_spending.c.week == week_of(now))
    with engine.connect() as connection:
        return float(connection.execute(query).scalar_one())
