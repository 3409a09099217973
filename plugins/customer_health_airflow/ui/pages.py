"""The pages that one reads every day beside the portfolio: account, actions, reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from customer_health import wording
from customer_health.ledger import decisions, outbox_queries, portfolio_queries
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import load_settings
from customer_health_airflow.ui import report_files
from customer_health_airflow.ui.page_queries import ledger
from customer_health_airflow.ui.score_drawing import HEIGHT, WIDTH, chart, steps
from customer_health_airflow.ui.shell import TEMPLATES, render
from customer_health_airflow.ui.usage_audit_view import usage_of
from customer_health_airflow.ui.viewing import leads_only

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/style.css")
def style() -> Response:
    """The one style sheet."""
    return Response((TEMPLATES / "style.css").read_text(encoding="utf-8"), media_type="text/css")


@router.get("/page.js")
def script() -> Response:
    """The one script; the page works without it."""
    return Response((TEMPLATES / "page.js").read_text(encoding="utf-8"), media_type="text/javascript")


@router.get("/account/{account_id:path}")
def account(request: Request, account_id: str, as_of: date | None = None) -> HTMLResponse:
    """One account: its score, how it came about, and what was done."""
    settings = load_settings()
    engine, scheme = ledger(settings.ledger_url), scheme_named(settings.config.score.scheme)
    history = portfolio_queries.account_line(engine, account_id, until=as_of or date.max)
    now = portfolio_queries.account_row(engine, account_id, history[-1]["as_of"]) if history else None
    if now is None:
        raise HTTPException(404, "No score was ever published for this account.")
    readings = [(row["as_of"], row["score_shown"]) for row in history if row["score_shown"] is not None]
    bands = [(tier.lowest, tier.highest) for tier in scheme.tiers]
    effects = [dict(row) for row in outbox_queries.listing(engine, account_id=account_id, limit=50)]
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
        decisions=decisions.of_account(engine, account_id, 30),
        effects=effects,
        audit=usage_of(effects),
        value_of=reason_value,
    )


def reason_value(reason: Mapping[str, Any]) -> str:
    """Write the value behind a reason; unknown is said, not shown as zero."""
    value = reason.get("value")
    return wording.number(value, 2) if value is None or isinstance(value, int | float) else str(value)


@router.get("/reports", dependencies=[Depends(leads_only)])
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
