"""Published scores as a portfolio of accounts: totals by day, and accounts in any order, from narrow rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, and_, distinct, func, select

from customer_health.ledger.portfolio_filters import Filters, group, matching, ordering
from customer_health.ledger.portfolio_summary import summed_up
from customer_health.ledger.schema import score_runs, scores
from customer_health.ledger.schema_page import portfolio_days, portfolio_rows
from customer_health.ledger.scores import as_shown

_C = portfolio_rows.c
_AT_ONCE = 1_000


def runs(engine: Engine, limit: int | None = None) -> list[RowMapping]:
    """Return every published day, newest first, or the newest few."""
    return _rows(engine, select(score_runs).order_by(score_runs.c.as_of.desc()).limit(limit))


def day_summaries(engine: Engine, since: date, until: date) -> Sequence[Mapping[Any, Any]]:
    """Return `as_of`, `buckets` and `meanings` of the days of a span (inclusive), oldest first."""
    c = portfolio_days.c
    span = (c.as_of >= since, c.as_of <= until)
    found = _rows(engine, select(c.as_of, c.buckets, c.meanings).where(*span).order_by(c.as_of))
    if found:
        return found
    # Whoever sees some of the accounts only has no totals: they are summed up from these.
    run = score_runs.c.as_of
    with engine.connect() as connection:
        days = connection.execute(select(run).where(run >= since, run <= until).order_by(run)).scalars()
        return [each for day in days.all() if (each := summed_up(connection, day))]


def day_summary(engine: Engine, day: date) -> Mapping[Any, Any] | None:
    """Return the whole summary of one day: totals, options, currency, movers."""
    found = _rows(engine, select(portfolio_days).where(portfolio_days.c.as_of == day))
    if found:
        return found[0]
    with engine.connect() as connection:
        return summed_up(connection, day)


def meanings_by_day(engine: Engine) -> list[tuple[date, list[str]]]:
    """Return what the scores of each published day mean, newest first."""
    query = select(portfolio_days.c.as_of, portfolio_days.c.meanings).order_by(portfolio_days.c.as_of.desc())
    found = [(row["as_of"], row["meanings"]) for row in _rows(engine, query)]
    if found:
        return found
    c, meanings = portfolio_rows.c, dict[date, set[str]]()
    scored = select(c.as_of, c.meaning).where(c.score_shown.is_not(None)).distinct()
    for row in _rows(engine, scored):
        meanings.setdefault(row["as_of"], set()).add(row["meaning"] or "")
    return [(day, sorted(meanings[day])) for day in sorted(meanings, reverse=True)]


def ranked(
    engine: Engine,
    day: date,
    *,
    before: date | None,
    wanted: Filters,
    tiers: tuple[str, ...],
    sort: str = "attention",
    down: bool = True,
    limit: int | None,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Return accounts of one day as people see them, with `score_before` of a day to compare with.

    Args:
        engine: The ledger.
        day: The day.
        before: A day to compare with.
        wanted: Which accounts.
        tiers: The tiers, worst first.
        sort: One of `portfolio_filters.SORTS`.
        down: From the largest to the smallest; "attention" knows one direction.
        limit: How many at most; None for all.
        offset: How many to pass over.
    """
    then = portfolio_rows.alias("then")
    same = and_(then.c.account_id == _C.account_id, then.c.as_of == before)
    order = ordering(sort, down, best_tier=tiers[-1], tiers=tiers, then=then)
    query = select(portfolio_rows).where(*matching(day, wanted)).order_by(*order)
    if sort == "change":
        query = query.join(then, same, isouter=True)
    rows = [dict(row) for row in _rows(engine, query.limit(limit).offset(offset))]
    # Of the few that are shown, not of all that were sorted.
    shown = _scores_on(engine, before, [row["account_id"] for row in rows])
    return [row | {"score_before": shown.get(row["account_id"])} for row in rows]


def count(engine: Engine, day: date, wanted: Filters) -> tuple[int, float, int]:
    """Return how many accounts `ranked` would list in all, their ARR, and of how many it is known."""
    query = select(func.count(), func.coalesce(func.sum(_C.arr), 0.0), func.count(_C.arr))
    with engine.connect() as connection:
        accounts, arr, known = connection.execute(query.where(*matching(day, wanted))).one()
    return int(accounts), float(arr), int(known)


def account_line(engine: Engine, account_id: str, *, until: date) -> list[RowMapping]:
    """Return day, shown score, tier, meaning and model of one account, oldest first."""
    query = select(_C.as_of, _C.score_shown, _C.tier, _C.band, _C.meaning, _C.model_id)
    query = query.where(_C.account_id == account_id, _C.as_of <= until)
    return _rows(engine, query.order_by(_C.as_of))


def account_row(engine: Engine, account_id: str, day: date) -> dict[str, Any] | None:
    """Return the whole row of one account on one day, as people saw it."""
    query = select(scores).where(scores.c.account_id == account_id, scores.c.as_of == day)
    return next((as_shown(row) for row in _rows(engine, query)), None)


def group_sum(engine: Engine, account_id: str, day: date) -> dict[str, Any]:
    """Return what a company and everything below it are on one day, every account counted once.

    Returns:
        `accounts`; `arr` of those whose ARR is known, None if nobody's is or it is in several currencies;
        `arr_unknown`, how many they are; `currency`; and `worst`, the row of the lowest score, None without.
    """
    here = (_C.as_of == day, _C.account_id.in_(group(day, account_id)))
    counted = func.count(_C.arr), func.count(distinct(_C.currency)), func.max(_C.currency)
    query = select(func.count(), func.sum(_C.arr), *counted).where(*here)
    with engine.connect() as connection:
        accounts, arr, known, currencies, currency = connection.execute(query).one()
    worst = select(portfolio_rows).where(*here, _C.score_shown.is_not(None))
    lowest = _rows(engine, worst.order_by(_C.score_shown, _C.account_id).limit(1))
    return {
        "accounts": int(accounts),
        "arr": None if currencies > 1 else arr,
        "arr_unknown": int(accounts) - int(known),
        "currency": currency,
        "worst": lowest[0] if lowest else None,
    }


def below(engine: Engine, account_id: str, day: date, limit: int = 50) -> list[RowMapping]:
    """Return the accounts below a company on one day, those below its children too, the worst first."""
    query = select(portfolio_rows).where(_C.as_of == day, _C.account_id != account_id)
    query = query.where(_C.account_id.in_(group(day, account_id)))
    return _rows(engine, query.order_by(_C.score_shown.is_(None), _C.score_shown, _C.account_id).limit(limit))


def name_of(engine: Engine, account_id: str, day: date) -> str | None:
    """Return what an account is called on one day."""
    query = select(_C.name).where(_C.as_of == day, _C.account_id == account_id)
    with engine.connect() as connection:
        return connection.execute(query).scalar()


def _scores_on(engine: Engine, day: date | None, accounts: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    if day is None:
        return found
    with engine.connect() as connection:
        for part in _parts(accounts):
            query = select(_C.account_id, _C.score_shown).where(_C.as_of == day, _C.account_id.in_(part))
            found.update({row.account_id: row.score_shown for row in connection.execute(query)})
    return found


def _parts(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (accounts[start : start + _AT_ONCE] for start in range(0, len(accounts), _AT_ONCE))


def _rows(engine: Engine, query: Select[Any]) -> list[RowMapping]:
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())
