"""What the pages share, read from the ledger. The warehouse is never opened: DuckDB lets in one process,
and a page that held it would stop the night's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine

from customer_health import wording
from customer_health.ledger import portfolio_queries
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.own_rows import own_ledger
from customer_health.ledger.portfolio_summary import day_to_compare
from customer_health.pipeline import now_of
from customer_health.settings import Settings
from customer_health_airflow.ui.viewing import looking

PAGE = 50
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Card:
    """One tier or state: how many accounts and how much money, now and a week before."""

    tier: str
    accounts: int
    arr: float
    known: int
    accounts_before: int | None
    arr_before: float | None

    def arr_text(self, currency: str | None) -> str:
        """Return the tier's ARR; where some of its accounts have none that is known, "at least" so much."""
        return money_known(self.arr, self.known, self.accounts, currency)


def money_known(amount: float, known: int, of: int, currency: str | None) -> str:
    """Return a sum as people read it, of which `known` of `of` parts are known."""
    if of and not known:
        return wording.UNKNOWN
    return ("at least " if known < of else "") + wording.money(amount, currency)


@lru_cache(maxsize=4)
def whole_ledger(url: str) -> Engine:
    """Open the ledger once per process: for acts, which check first whose account it is."""
    return open_ledger(url)


@lru_cache(maxsize=200)
def _own_ledger(url: str, address: str, owners: frozenset[str]) -> Engine:
    return own_ledger(url, address=address, owners=owners)


def ledger(url: str) -> Engine:
    """Return the ledger for reading, as the person who looks may see it."""
    viewer = looking()
    return whole_ledger(url) if viewer.everything else _own_ledger(url, viewer.address, viewer.owners)


def now_for_pages(settings: Settings) -> datetime:
    """Return the present, or the morning of the day that the settings pretend."""
    return now_of(settings, datetime.now(UTC))


def cards_of(engine: Engine, day: date, before: date | None, order: Sequence[str]) -> list[Card]:
    """Return one card per tier, worst first, and per state that occurs: together they are all accounts."""
    now = _buckets(engine, day)
    then = _buckets(engine, before) if before else None
    shown = [*order, *sorted(set(now) - set(order))]
    nothing = (0, 0.0, 0)
    return [
        Card(
            name,
            *now.get(name, nothing),
            *((then.get(name, nothing)[:2]) if then is not None else (None, None)),
        )
        for name in shown
    ]


def _buckets(engine: Engine, day: date) -> dict[str, tuple[int, float, int]]:
    found = portfolio_queries.day_summary(engine, day)
    totals = found["buckets"] if found else {}
    return {name: (int(count), float(arr), int(known)) for name, (count, arr, known) in totals.items()}


def comparable_from(engine: Engine) -> date | None:
    """Return the first day since which scores mean what they mean today; None without any day.

    A score of health and a score of risk are two measures: no tier, sum or arrow is compared across them.
    """
    since, now = None, None
    for day, meanings in portfolio_queries.meanings_by_day(engine):
        if meanings and now is None:
            now = meanings[0]
        if meanings and meanings != [now]:
            break
        since = day
    return since


def day_before(days: list[date], day: date) -> date | None:
    """Return the day to compare with: the latest one at least a week older, else the oldest there is."""
    return day_to_compare(days, day)


def silent_tables(findings: Mapping[str, Any] | None) -> dict[str, str]:
    """Return table -> sentence of those silent for longer than usual, from what building signals found."""
    return {
        one["subject"]: one["sentence"]
        for one in (findings or {}).get("findings", ())
        if one["check"] == "stale"
    }


def is_stale(day: date, now: datetime) -> bool:
    """Whether the newest scores are too old to be acted on."""
    return now - datetime.combine(day, datetime.min.time(), now.tzinfo) > timedelta(hours=36)


def old_scores(engine: Engine, settings: Settings, chosen: date | None = None) -> date | None:
    """Return the day of the newest scores if they are too old to be acted on, for a notice on top of a view.

    Who chose an earlier day knows that it is old.
    """
    if chosen is not None:
        return None
    newest = portfolio_queries.runs(engine, limit=1)
    old = bool(newest) and is_stale(newest[0]["as_of"], now_for_pages(settings))
    return newest[0]["as_of"] if old else None
