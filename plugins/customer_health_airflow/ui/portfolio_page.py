"""The portfolio: cards that add up to everything, its history, movers, and the accounts in any order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Engine

from customer_health.ledger import portfolio_queries
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import Settings, load_settings
from customer_health_airflow.ui import portfolio_csv, portfolio_request
from customer_health_airflow.ui.page_queries import (
    PAGE,
    cards_of,
    comparable_from,
    day_before,
    is_stale,
    ledger,
    now_for_pages,
)
from customer_health_airflow.ui.portfolio_request import STATE_NAMES, WINDOW_NAMES, Asked
from customer_health_airflow.ui.shell import render
from customer_health_airflow.ui.tier_history import tier_history

router = APIRouter(default_response_class=HTMLResponse)
# Views that everybody has: name, query.
VIEWS = (
    ("Needs a call", ""),
    ("Facts to review", "?review=1"),
    ("Renews in 90 days", "?renewal=90&sort=renewal"),
    ("Fell most", "?sort=change"),
    ("Gave notice", "?tier=notice_given"),
    ("Onboarding", "?tier=onboarding"),
    ("Too little known", "?tier=too_little_known"),
    ("No owner", "?owner=-"),
)


@router.get("/")
def portfolio(request: Request) -> HTMLResponse:
    """Where the company stands, and who needs a call."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    opened = _opened(request, engine, settings)
    if opened is None:
        return render(request, "empty.html", company=settings.config.name)
    run, runs, tiers, asked, options = opened.run, opened.runs, opened.tiers, opened.asked, opened.options
    days = [other["as_of"] for other in runs]
    day, before, summary = run["as_of"], opened.before, opened.summary
    fair_from = comparable_from(engine)
    settled = before is not None and fair_from is not None and before >= fair_from
    total, arr, known = portfolio_queries.count(engine, day, asked.wanted)
    cards = cards_of(engine, day, before if settled else None, (*tiers, *STATE_NAMES))
    return render(
        request,
        "portfolio.html",
        company=settings.config.name,
        run=run,
        days=days,
        before=before,
        stale=run is runs[0] and is_stale(day, now_for_pages(settings)),
        newest=run is runs[0],
        cards=cards,
        currency=summary["currency"] if summary else None,
        fair_from=None if settled else fair_from,
        tiers=tiers,
        states=STATE_NAMES,
        windows=WINDOW_NAMES,
        options=options,
        asked=asked,
        views=VIEWS,
        history=_history(engine, day, asked, (*tiers, *STATE_NAMES), fair_from),
        movers=summary["movers"] if summary and settled and summary["compared_with"] == before else None,
        rows=_rows(engine, day, before if settled else None, asked, tiers),
        total=total,
        total_arr=(arr, known),
        pages=max(math.ceil(total / PAGE), 1),
        ranks={name: rank for rank, name in enumerate(tiers)},
    )


@router.get("/portfolio.csv")
def export(request: Request) -> Response:
    """The accounts of a view as a file for a spreadsheet, all pages of it."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    opened = _opened(request, engine, settings)
    if opened is None:
        raise HTTPException(404, "Nothing has been published yet.")
    day = opened.run["as_of"]
    rows = _rows(engine, day, opened.before, opened.asked, opened.tiers, limit=None)
    return Response(
        portfolio_csv.written(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="customer-health-{day}.csv"'},
    )


@dataclass(frozen=True)
class _Opened:
    """A day's portfolio as it was asked for.

    Attributes:
        runs: Every day with scores, newest first.
        run: The one that is shown.
        before: The day that it is compared with, if there is one.
        summary: What is known of the day as a whole.
        tiers: Names of the scheme's tiers, worst first.
        asked: Filters, order and page.
    """

    runs: list[dict[str, Any]]
    run: dict[str, Any]
    before: date | None
    summary: Mapping[str, Any] | None
    tiers: tuple[str, ...]
    asked: Asked

    @property
    def options(self) -> Mapping[str, Any]:
        """What the filters can be set to."""
        return self.summary["options"] if self.summary else {}


def _opened(request: Request, engine: Engine, settings: Settings) -> _Opened | None:
    """Read what the address asks for; None while nothing has been published.

    Raises:
        HTTPException: 404 where no scores were published for the day.
    """
    tiers = scheme_named(settings.config.score.scheme).names
    runs = [dict(row) for row in portfolio_queries.runs(engine)]
    if not runs:
        return None
    run = _run_of(runs, portfolio_request.day_in(request.query_params))
    summary = portfolio_queries.day_summary(engine, run["as_of"])
    asked = portfolio_request.read(request.query_params, tiers, summary["options"] if summary else {})
    before = day_before([other["as_of"] for other in runs], run["as_of"])
    return _Opened(runs, run, before, summary, tiers, asked)


def _run_of(runs: list[dict[str, Any]], as_of: date | None) -> dict[str, Any]:
    run = next((run for run in runs if run["as_of"] == as_of), None) if as_of else runs[0]
    if run is None:
        raise HTTPException(404, f"No scores were published for {as_of}.")
    return run


def _rows(
    engine: Engine,
    day: date,
    before: date | None,
    asked: Asked,
    tiers: tuple[str, ...],
    limit: int | None = PAGE,
) -> list[dict[str, Any]]:
    """Return the accounts of the page that was asked for, or all of them without a limit."""
    return portfolio_queries.ranked(
        engine,
        day,
        before=before,
        wanted=asked.wanted,
        tiers=tiers,
        sort=asked.sort,
        down=asked.down,
        limit=limit,
        offset=(asked.page - 1) * limit if limit else 0,
    )


def _history(
    engine: Engine, day: date, asked: Asked, buckets: tuple[str, ...], fair_from: date | None
) -> Any:
    since = day - timedelta(weeks=asked.weeks)
    if fair_from is not None and fair_from <= day:
        since = max(since, fair_from)
    return tier_history(portfolio_queries.day_summaries(engine, since, day), buckets, day, asked.weeks)
