"""The four pages: portfolio, account, actions, reports."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from customer_health.errors import CustomerHealthError
from customer_health.scoring.tiers import Scheme, scheme_named
from customer_health.settings import Settings, load_settings
from customer_health_airflow.ui import files, wording
from customer_health_airflow.ui.drawing import HEIGHT, WIDTH, chart
from customer_health_airflow.ui.reading import PAGE, Filters, Portfolio, day_before, is_stale, ledger

router = APIRouter(default_response_class=HTMLResponse)
TEMPLATES = Path(__file__).with_name("templates")
STATES = ("pending", "claimed", "sending", "unknown", "checking", "delivered", "rejected")


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Names, reasons and error texts come from other systems: everything is escaped, nothing is marked safe.
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    found.filters.update(money=wording.money, change=wording.change, day=wording.day, moment=wording.moment)
    return found


def _page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    base = request.scope.get("root_path", "").rstrip("/")
    text = _templates().get_template(template).render(base=base, **values)
    return HTMLResponse(text, status_code=status)


def _now(settings: Settings) -> datetime:
    today = settings.today
    return datetime.combine(today, datetime.min.time(), UTC) if today else datetime.now(UTC)


def _open() -> tuple[Settings, Scheme, Portfolio]:
    settings = load_settings()
    scheme = scheme_named(settings.config.score.scheme)
    return settings, scheme, Portfolio(ledger(settings.ledger_url), scheme.names)


def trouble(request: Request, error: CustomerHealthError) -> HTMLResponse:
    """The page that stands in for one that cannot be shown."""
    return _page(request, "trouble.html", 503, company="", message=error.message, hint=error.hint)


@router.get("/style.css")
def style() -> Response:
    """The one style sheet."""
    return Response((TEMPLATES / "style.css").read_text(encoding="utf-8"), media_type="text/css")


@router.get("/")
def portfolio(
    request: Request, as_of: date | None = None, tier: str = "", owner: str = "", q: str = "", page: int = 1
) -> HTMLResponse:
    """Tiers with their money, and the accounts worth a call."""
    settings, scheme, found = _open()
    runs = found.runs()
    if not runs:
        return _page(request, "empty.html", company=settings.config.name)
    days = [run["as_of"] for run in runs]
    run = next((run for run in runs if run["as_of"] == as_of), None) if as_of else runs[0]
    if run is None:
        raise HTTPException(404, f"No scores were published for {as_of}.")
    before = day_before(days, run["as_of"])
    wanted = Filters(tier=tier if tier in scheme.names else "", owner=owner, search=q.strip()[:80])
    rows, total = found.worth_a_call(run["as_of"], before, wanted, max(page, 1))
    return _page(
        request,
        "portfolio.html",
        company=settings.config.name,
        run=run,
        days=days,
        before=before,
        stale=run is runs[0] and is_stale(run["as_of"], _now(settings)),
        newest=run is runs[0],
        cards=found.cards(run["as_of"], before),
        tiers=scheme.names,
        owners=found.owners(run["as_of"]),
        wanted=wanted,
        rows=rows,
        total=total,
        page=max(page, 1),
        pages=max(math.ceil(total / PAGE), 1),
        ranks={name: rank for rank, name in enumerate(scheme.names)},
        money_known=any(card.arr for card in found.cards(run["as_of"], None)),
    )


@router.get("/account/{account_id:path}")
def account(request: Request, account_id: str, as_of: date | None = None) -> HTMLResponse:
    """One account: its score, how it came about, and what was done."""
    settings, scheme, found = _open()
    history = found.history(account_id, until=as_of or date.max)
    if not history:
        raise HTTPException(404, "No score was ever published for this account.")
    now = history[-1]
    readings = [(row["as_of"], row["score_shown"]) for row in history if row["score_shown"] is not None]
    bands = [(tier.lowest, tier.highest) for tier in scheme.tiers]
    return _page(
        request,
        "account.html",
        company=settings.config.name,
        now=now,
        before=history[-2] if len(history) > 1 else None,
        reasons=now["reasons"] or [],
        chart=chart(readings[-180:], bands) if readings else None,
        size=(WIDTH, HEIGHT),
        ranks={name: rank for rank, name in enumerate(scheme.names)},
        decisions=found.decisions(account_id),
        effects=found.effects(account_id=account_id, limit=50),
        value_of=wording.reason_value,
    )


@router.get("/actions")
def actions(request: Request, state: str = "") -> HTMLResponse:
    """The outbox: what was promised, and what became of it."""
    settings, _, found = _open()
    chosen = state if state in STATES else ""
    return _page(
        request,
        "actions.html",
        company=settings.config.name,
        counts=found.effect_counts(),
        effects=found.effects(state=chosen),
        chosen=chosen,
        states=STATES,
    )


@router.get("/reports")
def reports(request: Request) -> HTMLResponse:
    """Gate reports, KPI reports and model cards."""
    settings = load_settings()
    return _page(
        request,
        "reports.html",
        company=settings.config.name,
        reports=files.listing(settings, "reports"),
        cards=files.listing(settings, "models"),
    )
