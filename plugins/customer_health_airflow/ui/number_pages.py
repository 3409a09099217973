"""Two pages of numbers: can the model be believed, and does all this help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from customer_health.ledger import model_registry as registry
from customer_health.ledger import portfolio_queries, report_numbers, training_runs
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import load_settings
from customer_health_airflow.approvals import about_model
from customer_health_airflow.ui import report_files, told_once
from customer_health_airflow.ui.access import may_train
from customer_health_airflow.ui.page_queries import ledger, now_for_pages, old_scores, silent_tables
from customer_health_airflow.ui.plotting import calibration, lines
from customer_health_airflow.ui.retention_drawing import bridge
from customer_health_airflow.ui.shell import render

router = APIRouter(default_response_class=HTMLResponse)
LINES = {"auc": "champion", "auc_baseline": "renewal date + NPS", "auc_rules": "rule score"}
LOUD = ("page", "warn")
MOST = 12
DONE = {
    "approve_model": "Approved: it is the champion now and scores from the next run on.",
    "reject_model": "Rejected: the champion in use stays.",
}


@router.get("/model")
def model(request: Request, user: GetUserDep) -> HTMLResponse:
    """Champion and challenger, how they were tested, and what became of what was published."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    record = registry.current(engine)
    noted = training_runs.history(engine)
    pending = registry.pending(engine)
    shown = record or pending
    summary = forgiving(shown.summary if shown else {})
    watched, board = report_numbers.latest(engine, report_numbers.SCOREBOARD)
    valued, value = report_numbers.latest(engine, report_numbers.VALUE_OF_DATA)
    horizons = [
        forgiving(
            {
                "days": days,
                **found,
                "lines": lines(found.get("by_fold") or [], LINES),
                "calibration": calibration(found.get("bins") or []),
            }
        )
        for days, found in sorted((summary.get("horizons") or {}).items(), key=lambda pair: int(pair[0]))
    ]
    _, findings = report_numbers.latest(engine, report_numbers.SIGNALS)
    drift = [row for row in (board or {}).get("drift", ()) if row["level"] in LOUD]
    response = render(
        request,
        "model.html",
        company=settings.config.name,
        old_scores=old_scores(engine, settings),
        record=record,
        pending=pending,
        weighed=about_model(pending.summary) if pending else (),
        may_answer=may_train(user),
        done=told_once.said(request, DONE),
        summary=summary,
        run=_newest_run(engine),
        noted=noted[:MOST],
        bad=training_runs.bad_months(engine, as_of=noted[0].as_of) if noted else [],
        answered=registry.challenges(engine, MOST),
        history=registry.history(engine)[:MOST],
        horizons=horizons,
        watched=watched,
        board=forgiving(board),
        drift=drift,
        silent=silent_tables(findings),
        age=(now_for_pages(settings).date() - record.trained_as_of).days if record else None,
        valued=valued,
        value=forgiving(value),
        card=_card(settings, record.model_id) if record else "",
        waiting_card=_card(settings, pending.model_id) if pending else "",
    )
    told_once.forget(request, response)
    return response


@router.get("/kpis")
def kpis(request: Request) -> HTMLResponse:
    """Retention, saves, time to the first step, and whether alerts were right."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    as_of, found = report_numbers.latest(engine, report_numbers.KPIS)
    past = report_numbers.before(engine, report_numbers.KPIS, as_of=as_of) if as_of else []
    rows = [forgiving({"as_of": day.isoformat(), **content}) for day, content in past]
    return render(
        request,
        "kpis.html",
        company=settings.config.name,
        old_scores=old_scores(engine, settings),
        as_of=as_of,
        found=forgiving(found),
        bridges=[
            (row["segment"], row, bridge(row)) for row in (found or {}).get("retention", ()) if bridge(row)
        ],
        moves=_moves((found or {}).get("migration")),
        retained=lines(rows, {"nrr": "NRR", "grr": "GRR"}, percent=True),
        past=list(reversed(rows))[:MOST],
    )


def _moves(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Lay out how accounts moved between tiers: a row for each tier before, a column for each after."""
    if not found:
        return None
    cells = {(row["before"], row["after"]): row for row in found["rows"]}
    order = scheme_named(load_settings().config.score.scheme).names
    extra = sorted({name for pair in cells for name in pair if name and name not in order})
    names = [*order, *extra, None]
    return {"since": found["since"], "until": found["until"], "names": names, "cells": cells}


def forgiving(value: Any) -> Any:
    """Return stored numbers so that what an earlier version did not store reads as unknown."""
    if isinstance(value, Mapping):
        return defaultdict(lambda: None, {key: forgiving(item) for key, item in value.items()})
    return [forgiving(item) for item in value] if isinstance(value, list) else value


def _newest_run(engine: Engine) -> Mapping[str, Any] | None:
    return next((dict(row) for row in portfolio_queries.runs(engine, limit=1)), None)


def _card(settings: Any, model_id: str) -> str:
    address = f"models/{model_id}/model_card.md"
    return address if report_files.safe_path(settings, address) else ""
