"""One day's run in one screen: what was scored, decided and sent, and Airflow's own runs behind it."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from customer_health.ledger import outbox_queries, playbook_runs, portfolio_queries
from customer_health.settings import load_settings
from customer_health_airflow.dag_names import DAY_CHAIN
from customer_health_airflow.ui.page_queries import ledger
from customer_health_airflow.ui.shell import base_of, render
from customer_health_airflow.ui.viewing import ViewerDep

router = APIRouter(default_response_class=HTMLResponse)
MOUNT = "/customer-health"


@router.get("/day/{day}")
def day_of_run(request: Request, viewer: ViewerDep, day: date) -> HTMLResponse:
    """What one day's run came to."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    run = next((row for row in portfolio_queries.runs(engine) if row["as_of"] == day), None)
    runs = _airflow_runs(day)
    decided = playbook_runs.of_day(engine, day)
    if decided is not None and not viewer.everything:
        decided = {**decided, "notes": []}  # they may name accounts
    sent = outbox_queries.counts_of_day(engine, day)
    if run is None and not runs and not sent:
        raise HTTPException(404, f"Nothing ran for {day}.")
    root = base_of(request).removesuffix(MOUNT)
    return render(
        request,
        "day.html",
        company=settings.config.name,
        day=day,
        run=run,
        decided=decided,
        sent=sent,
        runs=[
            {**each, "address": f"{root}/dags/{each['dag_id']}/runs/{quote(each['run_id'], safe='')}"}
            for each in runs
        ],
    )


@router.get("/runs/{dag_id}/{run_id:path}")
def run_tab(request: Request, dag_id: str, run_id: str) -> Response:
    """Lead from a run of Airflow's to its day: the tab on the run's page there."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        query = select(DagRun.partition_key).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        key = session.execute(query).scalar()
    try:
        day = date.fromisoformat(str(key))
    except ValueError:
        raise HTTPException(
            404, "This run belongs to no day: Customer Health has no summary of it."
        ) from None
    return RedirectResponse(f"{base_of(request)}/day/{day}", 303)


def _airflow_runs(day: date) -> list[dict[str, str]]:
    """Return Airflow's runs of one day, in the order of the chain; only of our DAGs."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        query = select(DagRun.dag_id, DagRun.run_id, DagRun.state).where(
            DagRun.partition_key == day.isoformat(), DagRun.dag_id.in_(DAY_CHAIN)
        )
        rows = [
            {"dag_id": row.dag_id, "run_id": row.run_id, "state": str(row.state)}
            for row in session.execute(query)
        ]
    return sorted(rows, key=lambda row: (DAY_CHAIN.index(row["dag_id"]), row["run_id"]))
