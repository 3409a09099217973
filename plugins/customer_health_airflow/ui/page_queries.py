"""What the pages show, read from the ledger. The warehouse is never opened: DuckDB lets in one process,
and a page that held it would stop the night's run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Select, and_, func, literal, or_, select

from customer_health import wording
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.schema import decisions, outbox, score_runs, scores
from customer_health.ledger.scores import TIER_SHOWN, as_shown, comparable_from

PAGE = 50
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Card:
    """One tier: how many accounts and how much money, now and a week before."""

    tier: str
    accounts: int
    arr: float
    known: int
    accounts_before: int | None
    arr_before: float | None

    def arr_text(self, currency: str | None) -> str:
        """Return the tier's ARR; where some of its accounts have none that is known, "at least" so much."""
        if self.accounts and not self.known:
            return wording.UNKNOWN
        return ("at least " if self.known < self.accounts else "") + wording.money(self.arr, currency)


@dataclass(frozen=True)
class Filters:
    """What the reader asked for."""

    tier: str = ""
    owner: str = ""
    search: str = ""


@lru_cache(maxsize=4)
def ledger(url: str) -> Engine:
    """Open the ledger once per process."""
    return open_ledger(url)


class Portfolio:
    """Read access for the pages.

    Args:
        engine: The ledger.
        tiers: Names of the tiers, worst first.
    """

    def __init__(self, engine: Engine, tiers: tuple[str, ...]) -> None:
        self._engine = engine
        self._tiers = tiers

    def _rows(self, query: Select[Any]) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def runs(self) -> list[Row]:
        """Return every published day, newest first."""
        return self._rows(select(score_runs).order_by(score_runs.c.as_of.desc()))

    def cards(self, day: date, before: date | None) -> list[Card]:
        """Return one card per tier, worst first."""
        now, then = self._totals(day), self._totals(before) if before else {}
        nothing = (0, 0.0, 0)
        return [
            Card(
                tier,
                *now.get(tier, nothing),
                *(then.get(tier, nothing)[:2] if before else (None, None)),
            )
            for tier in self._tiers
        ]

    def currency(self, day: date) -> str | None:
        """Return the currency of most amounts of a day; those in others are unknown (sources/money.py)."""
        query = (
            select(scores.c.currency)
            .where(scores.c.as_of == day, scores.c.currency.is_not(None))
            .group_by(scores.c.currency)
            .order_by(func.count().desc(), scores.c.currency)
        )
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).scalar()

    def comparable_from(self, confirmation_days: int) -> date | None:
        """Return the first day whose shown tiers may be compared with later ones."""
        with self._engine.connect() as connection:
            return comparable_from(connection, confirmation_days)

    def _totals(self, day: date) -> dict[str, tuple[int, float, int]]:
        query = (
            select(
                TIER_SHOWN, func.count(), func.coalesce(func.sum(scores.c.arr), 0.0), func.count(scores.c.arr)
            )
            .where(scores.c.as_of == day, scores.c.tier.is_not(None))
            .group_by(TIER_SHOWN)
        )
        with self._engine.connect() as connection:
            return {tier: (count, arr, known) for tier, count, arr, known in connection.execute(query)}

    def worth_a_call(
        self, day: date, before: date | None, wanted: Filters, page: int
    ) -> tuple[list[Row], int]:
        """Return one page of accounts, most money at risk first, and how many there are in all.

        The rules know no probability and so no money at risk: then the lowest score comes first. What needs
        no attention comes last however large it is: a per cent of much money is no reason to call.
        """
        then = scores.alias("then")
        same = and_(then.c.account_id == scores.c.account_id, then.c.as_of == before)
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
        at_risk = func.coalesce(scores.c.expected_loss, 0.0)
        query = (
            select(scores, then.c.score_shown.label("score_before"))
            .join(then, same, isouter=True)
            .where(*where)
            .order_by(
                scores.c.score.is_(None),
                func.coalesce(scores.c.attention, literal(self._tiers[-1]) != TIER_SHOWN).is_(False),
                at_risk.desc(),
                scores.c.score,
                scores.c.arr.desc(),
                scores.c.account_id,
            )
            .limit(PAGE)
            .offset((page - 1) * PAGE)
        )
        with self._engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(scores).where(*where)).scalar_one()
        return [as_shown(row) for row in self._rows(query)], total

    def owners(self, day: date) -> list[str]:
        """Return everybody who owns a scored account."""
        query = select(scores.c.owner_email).where(scores.c.as_of == day, scores.c.owner_email.is_not(None))
        return [row["owner_email"] for row in self._rows(query.distinct().order_by(scores.c.owner_email))]

    def history(self, account_id: str, *, until: date) -> list[Row]:
        """Return the scores of one account, oldest first."""
        query = select(scores).where(scores.c.account_id == account_id, scores.c.as_of <= until)
        return [as_shown(row) for row in self._rows(query.order_by(scores.c.as_of))]

    def decisions(self, account_id: str, *, limit: int = 30) -> list[Row]:
        """Return what playbooks decided about one account, newest first."""
        query = select(decisions).where(decisions.c.account_id == account_id)
        return self._rows(query.order_by(decisions.c.as_of.desc(), decisions.c.playbook).limit(limit))

    def effects(self, *, account_id: str = "", state: str = "", limit: int = 200) -> list[Row]:
        """Return promised effects, newest first, with the account's name."""
        newest = select(func.max(score_runs.c.as_of)).scalar_subquery()
        named = and_(scores.c.account_id == outbox.c.account_id, scores.c.as_of == newest)
        query = select(outbox, scores.c.name).select_from(outbox).join(scores, named, isouter=True)
        if account_id:
            query = query.where(outbox.c.account_id == account_id)
        if state:
            query = query.where(outbox.c.state == state)
        return self._rows(query.order_by(outbox.c.created_at.desc(), outbox.c.key).limit(limit))

    def effect_counts(self) -> list[Row]:
        """Return how many effects there are per destination and state."""
        groups = (outbox.c.destination, outbox.c.state)
        query = select(*groups, func.count().label("effects"), func.max(outbox.c.delivered_at).label("last"))
        return self._rows(query.group_by(*groups).order_by(*groups))


def day_before(days: list[date], day: date) -> date | None:
    """Return the day to compare with: the latest one at least a week older, else the oldest there is."""
    older = sorted(other for other in days if other < day)
    week = [other for other in older if other <= day - timedelta(days=7)]
    return week[-1] if week else (older[0] if older else None)


def is_stale(day: date, now: datetime) -> bool:
    """Whether the newest scores are too old to be acted on."""
    return now - datetime.combine(day, datetime.min.time(), now.tzinfo) > timedelta(hours=36)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
