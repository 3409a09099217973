"""Actions: what waits for a person, in full; then all that playbooks asked for, by account and episode."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from customer_health.ledger import action_queries, delivery_log, outbox_queries, portfolio_queries
from customer_health.ledger.action_queries import ActionFilters
from customer_health.ledger.outbox.transitions import DONE_STATES, OPEN_STATES
from customer_health.ledger.portfolio_filters import NOBODY
from customer_health.settings import load_settings
from customer_health_airflow.ui import action_view, portfolio_request, told_once
from customer_health_airflow.ui.access import may_act
from customer_health_airflow.ui.page_actions import VERBS
from customer_health_airflow.ui.page_queries import PAGE, ledger, old_scores
from customer_health_airflow.ui.shell import render

router = APIRouter(default_response_class=HTMLResponse)
STATES = ("awaiting_approval", *OPEN_STATES, *DONE_STATES)
WAITING = 20
FILTERS = ("destination", "verb", "state", "playbook", "owner", "day", "account")
KNOWN = (*FILTERS, "page", "done", "as_of")
DONE = {
    "approve": "Approved. It leaves with the next delivery.",
    "decline": "Declined. It will not be sent.",
    "resend": "It leaves once more with the next delivery.",
}


@router.get("/actions")
def actions(request: Request, user: GetUserDep) -> HTMLResponse:
    """The outbox: what waits, what was promised, and what became of it."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    newest = portfolio_queries.runs(engine, limit=1)
    summary = portfolio_queries.day_summary(engine, newest[0]["as_of"]) if newest else None
    known = {**action_queries.choices(engine), "state": list(STATES)}
    known["owner"] = [*(summary["options"]["owners"] if summary else ()), NOBODY]
    wanted, page, notices = read(request.query_params, known)
    total = action_queries.count(engine, wanted)
    rows = action_queries.listing(engine, wanted, limit=PAGE, offset=(page - 1) * PAGE)
    chosen = {name: getattr(wanted, name) or "" for name in FILTERS}
    as_of = portfolio_request.day_in(request.query_params, notices)
    anything = any(chosen.values())
    # With a filter by this state the page's own rows are shown in full; without any, what expires first.
    waiting = rows if wanted.state == "awaiting_approval" else []
    if not anything and page == 1:
        waiting = action_queries.waiting(engine, limit=WAITING)
    response = render(
        request,
        "actions.html",
        company=settings.config.name,
        old_scores=old_scores(engine, settings, as_of),
        counts=outbox_queries.counts_by_destination(engine),
        silent=action_queries.count(engine, ActionFilters(verb=action_queries.SILENT)),
        waiting=[(action_view.line(row, settings.config), *action_view.content(row)) for row in waiting],
        groups=action_view.grouped(rows, settings.config),
        chosen=chosen,
        filtered=anything,
        known=known,
        names={"verb": action_view.VERBS, "state": action_view.STATES},
        notices=notices,
        total=total,
        page=page,
        pages=max(math.ceil(total / PAGE), 1),
        as_of=as_of,
        query=lambda **changes: _query({**chosen, "as_of": as_of, **changes}),
        done=told_once.said(request, DONE),
        verbs=VERBS if may_act(user) else {},
    )
    told_once.forget(request, response)
    return response


@router.get("/actions/{key}")
def action(request: Request, user: GetUserDep, key: str) -> HTMLResponse:
    """One action: what it says, every step that it took, what a person can do; a resend is rehearsed here."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    row = action_queries.one(engine, key)
    if row is None:
        raise HTTPException(404, "There is no action with this key.")
    html, wrong = action_view.content(row)
    return render(
        request,
        "action.html",
        company=settings.config.name,
        action=action_view.line(row, settings.config),
        html=html,
        wrong=wrong,
        log=delivery_log.of(engine, key),
        verbs=VERBS.get(row["state"], ()) if may_act(user) else (),
    )


def read(
    parameters: Mapping[str, str], known: Mapping[str, list[str]]
) -> tuple[ActionFilters, int, list[str]]:
    """Return which actions an address asks for, which page, and sentences about what it says wrongly."""
    notices = [
        f"The address asks for “{name[:80]}”, which this page does not know; it changed nothing."
        for name in parameters
        if name not in KNOWN
    ]
    found: dict[str, Any] = {}
    for name in FILTERS:
        value = parameters.get(name, "")[:300]
        if not value:
            continue
        if name == "day":
            try:
                found[name] = date.fromisoformat(value)
            except ValueError:
                notices.append(f"“{value[:80]}” is not a date such as 2026-11-20; all days are shown.")
            continue
        if name in known and value not in known[name]:
            notices.append(f"No action has the {name} “{value[:80]}”.")
        found[name] = value
    page = parameters.get("page", "1")
    if not (page.isdecimal() and page.isascii() and len(page) < 7 and int(page) > 0):
        notices.append(f"“{page[:80]}” is not a page number; this is the first page.")
        page = "1"
    return ActionFilters(**found), int(page), notices


def _query(values: Mapping[str, Any]) -> str:
    given = {name: value for name, value in values.items() if value not in ("", None, 1)}
    return f"?{urlencode(given)}" if given else ""
