"""One account: how it stands and since when, why, who is on it, what was done, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from customer_health import wording
from customer_health.ledger import (
    account_queries,
    action_queries,
    decisions,
    overrides,
    people_graphs,
    portfolio_queries,
)
from customer_health.ledger.action_queries import ActionFilters
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import load_settings
from customer_health_airflow.ui import account_story_view, action_view, judgement_pages, told_once
from customer_health_airflow.ui.access import may_act
from customer_health_airflow.ui.page_queries import ledger, now_for_pages, old_scores
from customer_health_airflow.ui.portfolio_request import day_in
from customer_health_airflow.ui.score_drawing import HEIGHT, WIDTH, chart, placed, steps
from customer_health_airflow.ui.shell import render
from customer_health_airflow.ui.stated_view import stated
from customer_health_airflow.ui.usage_audit_view import usage_of
from customer_health_airflow.ui.viewing import ViewerDep

router = APIRouter(default_response_class=HTMLResponse)
READINGS = 180


@router.get("/account/{account_id:path}")
def account(request: Request, user: GetUserDep, viewer: ViewerDep, account_id: str) -> HTMLResponse:
    """One account as of a day."""
    settings = load_settings()
    engine, scheme = ledger(settings.ledger_url), scheme_named(settings.config.score.scheme)
    notices: list[str] = []
    as_of = day_in(request.query_params, notices)
    line = portfolio_queries.account_line(engine, account_id, until=as_of or date.max)
    now = portfolio_queries.account_row(engine, account_id, line[-1]["as_of"]) if line else None
    if now is None:
        raise HTTPException(404, "No score was ever published for this account.")
    day = now["as_of"]
    readings = [(row["as_of"], row["score_shown"]) for row in line if row["score_shown"] is not None]
    episodes = [row for row in account_queries.episodes_of(engine, account_id) if row["opened_as_of"] <= day]
    happened = account_queries.events_of(engine, [row["episode_id"] for row in episodes])
    alerts = account_queries.alerts_of(engine, account_id)
    tasks = account_queries.tasks_of(engine, account_id)
    actions = action_queries.listing(engine, ActionFilters(account=account_id), limit=50)
    marks = [event for event in account_story_view.events(episodes, happened, alerts) if event[0] <= day]
    graph = people_graphs.of_account(engine, account_id, day) or account_story_view.people(tasks, day)
    below = portfolio_queries.below(engine, account_id, day)
    parent = now["parent_account_id"]
    judges, today = may_act(user), now_for_pages(settings).date()
    response = render(
        request,
        "account.html",
        company=settings.config.name,
        old_scores=old_scores(engine, settings, as_of),
        notices=notices,
        now=now,
        change=now["change"] or {},
        moved=account_story_view.why_it_moved(now["change"]),
        reasons=now["reasons"] or [],
        waterfall=steps(now["waterfall"] or {}, now["score"]),
        lever=now["lever"] or None,
        chart=chart(readings[-READINGS:], [(tier.lowest, tier.highest) for tier in scheme.tiers])
        if readings
        else None,
        marks=placed(readings[-READINGS:], marks),
        size=(WIDTH, HEIGHT),
        ranks={name: rank for rank, name in enumerate(scheme.names)},
        red_since=account_story_view.red_since(line),
        days_left=(now["renewal_date"] - day).days if now["renewal_date"] else None,
        tasks=account_story_view.tasks(tasks, settings.config, now_for_pages(settings)),
        actions=[action_view.line(row, settings.config) for row in actions],
        decisions=decisions.of_account(engine, account_id, 30),
        override=account_queries.override_of(engine, account_id, now_for_pages(settings)),
        pulses=account_queries.pulses_of(engine, account_id),
        brought_pulse=account_queries.signal_of(engine, account_id, day, "csm_pulse"),
        people=account_story_view.people_lines(graph),
        people_as_of=date.fromisoformat(graph["as_of"]) if graph else None,
        below=below,
        group=portfolio_queries.group_sum(engine, account_id, day) if below else None,
        parent=(parent, portfolio_queries.name_of(engine, parent, day)) if parent else None,
        audit=usage_of(actions),
        value_of=reason_value,
        stated=stated(now["topics"]),
        may_pulse=judges,
        may_override=judges and viewer.leads(now["owner_email"], now["manager_email"]),
        until=(today, today + overrides.LONGEST),
        done=told_once.said(request, judgement_pages.DONE),
    )
    told_once.forget(request, response)
    return response


def reason_value(reason: Mapping[str, Any]) -> str:
    """Write the value behind a reason; unknown is said, not shown as zero."""
    value = reason.get("value")
    return wording.number(value, 2) if value is None or isinstance(value, int | float) else str(value)
