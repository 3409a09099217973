"""What the pages show, read from the ledger. The warehouse is never opened: DuckDB lets in one process,
and a page that held it would stop the night's run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine

from customer_health import wording
from customer_health.ledger import decisions, outbox_queries, portfolio_queries
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.portfolio_queries import Filters
from customer_health.ledger.scores import comparable_from

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

    def runs(self) -> list[Row]:
        """Return every published day, newest first."""
        return [dict(row) for row in portfolio_queries.runs(self._engine)]

    def cards(self, day: date, before: date | None) -> list[Card]:
        """Return one card per tier, worst first."""
        now, then = portfolio_queries.totals(self._engine, day), self._then(before)
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
        return portfolio_queries.main_currency(self._engine, day)

    def comparable_from(self) -> date | None:
        """Return the first day since which scores mean what they mean today."""
        with self._engine.connect() as connection:
            return comparable_from(connection)

    def _then(self, before: date | None) -> dict[str, tuple[int, float, int]]:
        return portfolio_queries.totals(self._engine, before) if before else {}

    def worth_a_call(
        self, day: date, before: date | None, wanted: Filters, page: int
    ) -> tuple[list[Row], int]:
        """Return one page of accounts, most money at risk first, and how many there are in all."""
        rows = portfolio_queries.ranked(
            self._engine,
            day,
            before=before,
            wanted=wanted,
            best_tier=self._tiers[-1],
            limit=PAGE,
            offset=(page - 1) * PAGE,
        )
        return list(rows), portfolio_queries.count(self._engine, day, wanted)

    def owners(self, day: date) -> list[str]:
        """Return everybody who owns a scored account."""
        return portfolio_queries.owners(self._engine, day)

    def history(self, account_id: str, *, until: date) -> list[Row]:
        """Return the scores of one account, oldest first."""
        return list(portfolio_queries.account_history(self._engine, account_id, until=until))

    def decisions(self, account_id: str, *, limit: int = 30) -> list[Row]:
        """Return what playbooks decided about one account, newest first."""
        return [dict(row) for row in decisions.of_account(self._engine, account_id, limit)]

    def effects(self, *, account_id: str = "", state: str = "", limit: int = 200) -> list[Row]:
        """Return promised effects, newest first, with the account's name."""
        return [
            dict(row)
            for row in outbox_queries.listing(self._engine, account_id=account_id, state=state, limit=limit)
        ]

    def effect_counts(self) -> list[Row]:
        """Return how many effects there are per destination and state."""
        return [dict(row) for row in outbox_queries.counts_by_destination(self._engine)]


def day_before(days: list[date], day: date) -> date | None:
    """Return the day to compare with: the latest one at least a week older, else the oldest there is."""
    older = sorted(other for other in days if other < day)
    week = [other for other in older if other <= day - timedelta(days=7)]
    return week[-1] if week else (older[0] if older else None)


def is_stale(day: date, now: datetime) -> bool:
    """Whether the newest scores are too old to be acted on."""
    return now - datetime.combine(day, datetime.min.time(), now.tzinfo) > timedelta(hours=36)
