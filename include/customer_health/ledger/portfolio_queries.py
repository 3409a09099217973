"""Published scores as a portfolio of accounts: totals by tier, and accounts in the order of their need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, and_, func, literal, or_, select

from customer_health.ledger.schema import score_runs, scores
from customer_health.ledger.scores import TIER_SHOWN, as_shown


@dataclass(frozen=True)
class Filters:
    """Which accounts; empty for all.

    Attributes:
        tier: The tier that people see.
        owner: The owner's address.
        search: Part of the name or of the id, in any case.
    """

    tier: str = ""
    owner: str = ""
    search: str = ""


def runs(engine: Engine, limit: int | None = None) -> list[RowMapping]:
    """Return every published day, newest first, or the newest few."""
    return _rows(engine, select(score_runs).order_by(score_runs.c.as_of.desc()).limit(limit))


def totals(engine: Engine, day: date) -> dict[str, tuple[int, float, int]]:
    """Return accounts, ARR and accounts with a known ARR of one day, by the tier that people see."""
    arr = scores.c.arr
    query = (
        select(TIER_SHOWN, func.count(), func.coalesce(func.sum(arr), 0.0), func.count(arr))
        .where(scores.c.as_of == day, scores.c.tier.is_not(None))
        .group_by(TIER_SHOWN)
    )
    with engine.connect() as connection:
        return {tier: (count, money, known) for tier, count, money, known in connection.execute(query)}


def main_currency(engine: Engine, day: date) -> str | None:
    """Return the currency of most amounts of a day; those in others are unknown (sources/money.py)."""
    currency = scores.c.currency
    query = (
        select(currency)
        .where(scores.c.as_of == day, currency.is_not(None))
        .group_by(currency)
        .order_by(func.count().desc(), currency)
    )
    with engine.connect() as connection:
        return connection.execute(query.limit(1)).scalar()


def ranked(
    engine: Engine,
    day: date,
    *,
    before: date | None,
    wanted: Filters,
    best_tier: str,
    limit: int,
    offset: int,
) -> list[dict[str, Any]]:
    """Return the accounts of one day as people see them, most money at risk first.

    The rules predict no probability and so no money at risk: then the lowest score comes first. What needs no
    attention comes last however large it is: a per cent of much money is not a reason to call.

    Args:
        engine: The ledger.
        day: The day.
        before: A day to compare with; gives `score_before`.
        wanted: Which accounts.
        best_tier: Tier that needs no attention, for days that do not say who does.
        limit: How many at most.
        offset: How many to pass over.
    """
    then = scores.alias("then")
    same = and_(then.c.account_id == scores.c.account_id, then.c.as_of == before)
    query = (
        select(scores, then.c.score_shown.label("score_before"))
        .join(then, same, isouter=True)
        .where(*_matching(day, wanted))
        .order_by(
            scores.c.score.is_(None),
            func.coalesce(scores.c.attention, literal(best_tier) != TIER_SHOWN).is_(False),
            func.coalesce(scores.c.expected_loss, 0.0).desc(),
            scores.c.score,
            scores.c.arr.desc(),
            scores.c.account_id,
        )
    )
    return [as_shown(row) for row in _rows(engine, query.limit(limit).offset(offset))]


def count(engine: Engine, day: date, wanted: Filters) -> int:
    """Return how many accounts `ranked` would list in all."""
    query = select(func.count()).select_from(scores).where(*_matching(day, wanted))
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def owners(engine: Engine, day: date) -> list[str]:
    """Return everybody who owns an account with a row on one day."""
    query = select(scores.c.owner_email).where(scores.c.as_of == day, scores.c.owner_email.is_not(None))
    rows = _rows(engine, query.distinct().order_by(scores.c.owner_email))
    return [row["owner_email"] for row in rows]


def account_history(engine: Engine, account_id: str, *, until: date) -> list[dict[str, Any]]:
    """Return the rows of one account as people saw them, oldest first."""
    query = select(scores).where(scores.c.account_id == account_id, scores.c.as_of <= until)
    return [as_shown(row) for row in _rows(engine, query.order_by(scores.c.as_of))]


def _matching(day: date, wanted: Filters) -> list[ColumnElement[bool]]:
    where = [scores.c.as_of == day]
    if wanted.tier:
        where.append(literal(wanted.tier) == TIER_SHOWN)
    if wanted.owner:
        where.append(scores.c.owner_email == wanted.owner)
    if wanted.search:
        like = f"%{_escaped(wanted.search)}%"
        where.append(
            or_(scores.c.name.ilike(like, escape="\\"), scores.c.account_id.ilike(like, escape="\\"))
        )
    return where


def _rows(engine: Engine, query: Select[Any]) -> list[RowMapping]:
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
