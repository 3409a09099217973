"""Which accounts of a day, and in what order: the conditions and orders of the portfolio, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, and_, case, func, literal, or_, select

from customer_health.ledger.schema_page import portfolio_rows

NOBODY = "-"  # accounts without an owner, a manager, a segment
_C = portfolio_rows.c
# Days from the as-of date to the renewal: from, to; None is open.
RENEWAL_WINDOWS: Mapping[str, tuple[int | None, int | None]] = {
    "past": (None, -1),
    "30": (0, 30),
    "90": (0, 90),
    "180": (0, 180),
    "365": (0, 365),
    "later": (366, None),
    "none": (None, None),
}
SORTS = ("attention", "account", "score", "change", "tier", "arr", "risk", "renewal", "owner")


@dataclass(frozen=True)
class Filters:
    """Which accounts; empty for all.

    Attributes:
        tier: The tier that people see, or the state of what has none (`notice_given`, ...).
        owner: The owner's address; `-` for accounts without one.
        manager: The manager's address, likewise.
        segment: The segment, likewise.
        renewal: A key of `RENEWAL_WINDOWS`.
        fact: Code of a headline fact.
        parent: Id of a company: it and everything below it.
        review: "1": accounts that need no attention by their score, but whose headline facts pile up.
        search: Part of the name or of the id, in any case.
    """

    tier: str = ""
    owner: str = ""
    manager: str = ""
    segment: str = ""
    renewal: str = ""
    fact: str = ""
    parent: str = ""
    review: str = ""
    search: str = ""


def group(day: date, account_id: str) -> Select[tuple[str]]:
    """Return the ids of a company and of everything below it, however deep; a circle is one group."""
    found = select(literal(account_id, String(255)).label("account_id")).cte("below", recursive=True)
    below = select(_C.account_id).where(_C.as_of == day, _C.parent_account_id == found.c.account_id)
    return select(found.union(below).c.account_id)


def matching(day: date, wanted: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions on `portfolio_rows`."""
    where: list[ColumnElement[bool]] = [_C.as_of == day]
    if wanted.tier:
        where.append(_C.bucket == wanted.tier)
    for column, value in (
        (_C.owner_email, wanted.owner),
        (_C.manager_email, wanted.manager),
        (_C.segment, wanted.segment),
    ):
        if value:
            where.append(column.is_(None) if value == NOBODY else column == value)
    if wanted.renewal:
        where.append(_renews(day, wanted.renewal))
    if wanted.fact:
        where.append(_C.fact_codes.like(f"%|{_escaped(wanted.fact)}|%", escape="\\"))
    if wanted.parent:
        where.append(_C.account_id.in_(group(day, wanted.parent)))
    if wanted.review:
        where.append(_C.review.is_(True))
    if wanted.search:
        like = f"%{_escaped(wanted.search)}%"
        where.append(or_(_C.name.ilike(like, escape="\\"), _C.account_id.ilike(like, escape="\\")))
    return where


def ordering(sort: str, down: bool, *, best_tier: str, tiers: tuple[str, ...], then: FromClause) -> list[Any]:
    """Return the order of a listing; unknown values come last, whatever the direction.

    Args:
        sort: One of `SORTS`. "attention": most money at risk first. The rules predict no probability and so
            no money at risk: then the lowest score comes first. What needs no attention comes last however
            large it is: a per cent of much money is not a reason to call. Those to review come between.
        down: From the largest to the smallest.
        best_tier: Tier that needs no attention, for days that do not say who does.
        tiers: The tiers, worst first.
        then: `portfolio_rows` of the day to compare with.
    """
    if sort == "attention":
        return [
            _C.score.is_(None),
            func.coalesce(_C.attention, literal(best_tier) != _C.tier).is_(False),
            func.coalesce(_C.review, literal(False)).is_(False),
            func.coalesce(_C.expected_loss, 0.0).desc(),
            _C.score,
            _C.arr.desc(),
            _C.account_id,
        ]
    keys: Mapping[str, ColumnElement[Any]] = {
        "account": func.lower(func.coalesce(_C.name, _C.account_id)),
        "score": _C.score_shown,
        "change": _C.score_shown - then.c.score_shown,
        "tier": case({tier: rank for rank, tier in enumerate(tiers)}, value=_C.bucket, else_=len(tiers)),
        "arr": _C.arr,
        "risk": _C.expected_loss,
        "renewal": _C.renewal_date,
        "owner": func.lower(_C.owner_email),
    }
    key = keys[sort]
    return [key.is_(None), key.desc() if down else key.asc(), _C.account_id]


def _renews(day: date, window: str) -> ColumnElement[bool]:
    first, last = RENEWAL_WINDOWS[window]
    if first is None and last is None:
        return _C.renewal_date.is_(None)
    bounds = []
    if first is not None:
        bounds.append(_C.renewal_date >= day + timedelta(days=first))
    if last is not None:
        bounds.append(_C.renewal_date <= day + timedelta(days=last))
    return and_(*bounds)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
