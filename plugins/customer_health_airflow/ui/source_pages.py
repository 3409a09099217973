"""Sources: how fresh the data are, what the gate said, which rows wait in quarantine, what texts cost."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from customer_health.ledger import report_numbers, text_answers
from customer_health.ledger.source_reports import source_reports
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.data_docs import ARCHIVE
from customer_health_airflow.ui import report_files
from customer_health_airflow.ui.number_pages import forgiving
from customer_health_airflow.ui.page_queries import is_stale, ledger, now_for_pages, silent_tables
from customer_health_airflow.ui.shell import render

router = APIRouter(default_response_class=HTMLResponse)
WEEKS_OF_COST = timedelta(weeks=8)


@router.get("/sources")
def sources(request: Request) -> HTMLResponse:
    """Whether today's data can be believed, and at 3 am what is red and what to do."""
    settings = load_settings()
    engine, now = ledger(settings.ledger_url), now_for_pages(settings)
    day, gate = report_numbers.latest(engine, report_numbers.GATE)
    checked, findings = report_numbers.latest(engine, report_numbers.SIGNALS)
    silent = silent_tables(findings)
    return render(
        request,
        "sources.html",
        company=settings.config.name,
        day=day,
        gate=forgiving(gate),
        old=day is not None and is_stale(day, now),
        files=_files(settings, day),
        checked=checked,
        findings=[one for one in (findings or {}).get("findings", ()) if one["check"] != "stale"],
        silent=silent,
        tables=_tables(gate, silent),
        asked=source_reports(engine),
        texts=settings.config.texts,
        **_costs(engine, now),
    )


def _tables(gate: Any, silent: dict[str, str]) -> list[dict[str, Any]]:
    """Return the tables that hold something, silent ones first, then the longest without news."""
    rows = [
        {
            **one,
            "newest": None if one["newest"] is None else datetime.fromisoformat(one["newest"]),
            "silent": silent.get(one["table"], ""),
        }
        for one in (gate or {}).get("tables", ())
    ]
    return sorted(rows, key=lambda one: (not one["silent"], -(one["days_old"] or 0.0), one["table"]))


def _files(settings: Settings, day: date | None) -> list[tuple[str, str]]:
    """Return what there is to read of the gate's day: address within the app, and title."""
    known = (
        (f"reports/{day}/gate.html", f"files/reports/{day}/gate.html", "The gate's report"),
        (f"reports/{day}/{ARCHIVE}", f"data-docs/{day}", "Data Docs"),
    )
    return [(address, title) for file, address, title in known if report_files.safe_path(settings, file)]


def _costs(engine: Engine, now: datetime) -> dict[str, Any]:
    week = text_answers.week_of(now)
    return {
        "week": week,
        "spent": text_answers.spent_in_week(engine, now),
        "spending": text_answers.spending(engine, week - WEEKS_OF_COST),
    }
