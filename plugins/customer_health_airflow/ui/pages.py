"""What belongs to no view: the style sheet, the script, and the list of reports."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from customer_health.settings import load_settings
from customer_health_airflow.ui import report_files
from customer_health_airflow.ui.shell import TEMPLATES, render
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
