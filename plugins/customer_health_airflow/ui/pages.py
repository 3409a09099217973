"""The pages that one reads every day: portfolio, account, actions, reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from customer_health import wording
from customer_health.ledger.outbox_transitions import DONE_STATES, OPEN_STATES
from customer_health.ledger.portfolio_queries import Filters
from customer_health.scoring.tiers import Scheme, scheme_named
from customer_health.settings import Settings, load_settings
from customer_health_airflow.ui import report_files
from customer_health_airflow.ui.access import may_act
from customer_health_airflow.ui.page_actions import VERBS
from customer_health_airflow.ui.page_queries import PAGE, Portfolio, day_before, is_stale, ledger
from customer_health_airflow.ui.score_drawing import HEIGHT, WIDTH, chart, steps
from customer_health_airflow.ui.shell import TEMPLATES, render
from customer_health_airflow.ui.usage_audit_view import usage_of

router = APIRouter(default_response_class=HTMLResponse)
STATES = ("awaiting_approval", *OPEN_STATES, *DONE_STATES)

DONE = {
    "approve": "Approved. It leaves with the next delivery.",
    "decline": "Declined. It will not be sent.",
    "resend": "It leaves once more with the next delivery.",
}


def _now(settings: Settings) -> datetime:
    today = settings.today
    return datetime.combine(today, datetime.min.time(), UTC) if today else datetime.now(UTC)


def _open() -> tuple[Settings, Scheme, Portfolio]:
    settings = load_settings()
    scheme = scheme_named(settings.config.score.scheme)
    return settings, scheme, Portfolio(ledger(settings.ledger_url), scheme.names)


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
        return render(request, "empty.html", company=settings.config.name)
    days = [run["as_of"] for run in runs]
    run = next((run for run in runs if run["as_of"] == as_of), None) if as_of else runs[0]
    if run is None:
        raise HTTPException(404, f"No scores were published for {as_of}.")
    before = day_before(days, run["as_of"])
    fair_from = found.comparable_from()
    settled = before is not None and fair_from is not None and before >= fair_from
    wanted = Filters(tier=tier if tier in scheme.names else "", owner=owner, search=q.strip()[:80])
    rows, total = found.worth_a_call(run["as_of"], before, wanted, max(page, 1))
    return render(
        request,
        "portfolio.html",
        company=settings.config.name,
        run=run,
        days=days,
        before=before,
        stale=run is runs[0] and is_stale(run["as_of"], _now(settings)),
        newest=run is runs[0],
        cards=found.cards(run["as_of"], before if settled else None),
        currency=found.currency(run["as_of"]),
        fair_from=None if settled else fair_from,
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
    effects = found.effects(account_id=account_id, limit=50)
    return render(
        request,
        "account.html",
        company=settings.config.name,
        now=now,
        before=history[-2] if len(history) > 1 else None,
        reasons=now["reasons"] or [],
        waterfall=steps(now["waterfall"] or {}, now["score"]),
        lever=now["lever"] or None,
        chart=chart(readings[-180:], bands) if readings else None,
        size=(WIDTH, HEIGHT),
        ranks={name: rank for rank, name in enumerate(scheme.names)},
        decisions=found.decisions(account_id),
        effects=effects,
        audit=usage_of(effects),
        value_of=reason_value,
    )


@router.get("/actions")
def actions(request: Request, user: GetUserDep, state: str = "", done: str = "") -> HTMLResponse:
    """The outbox: what was promised, what became of it, and what a person can do about it."""
    settings, _, found = _open()
    chosen = state if state in STATES else ""
    return render(
        request,
        "actions.html",
        company=settings.config.name,
        counts=found.effect_counts(),
        effects=found.effects(state=chosen),
        chosen=chosen,
        states=STATES,
        done=DONE.get(done, ""),
        verbs=VERBS if may_act(user) else {},
    )


def reason_value(reason: Mapping[str, Any]) -> str:
    """Write the value behind a reason; unknown is said, not shown as zero."""
    value = reason.get("value")
    return wording.number(value, 2) if value is None or isinstance(value, int | float) else str(value)


@router.get("/reports")
def reports(request: Request) -> HTMLResponse:
    """Gate reports, KPI reports and model cards."""
    settings = load_settings()
    return render(
        request,
        "reports.html",
        company=settings.config.name,
        reports=report_files.listing(settings, "reports"),
        cards=report_files.listing(settings, "models"),
    )
