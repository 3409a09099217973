"""Renewals and forecast: what the next four quarters will bring, by whom, and who was right before."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from customer_health.errors import FatalError
from customer_health.kpis.renewals.calling import call_account, call_quarter
from customer_health.kpis.renewals.renewal_forecast import LATER, NO_DATE, OVERDUE, Renewal
from customer_health.kpis.renewals.retained_interval import LEAVES_OUT
from customer_health.ledger import portfolio_queries, report_numbers
from customer_health.pipeline import now_of
from customer_health.settings import Settings, load_settings
from customer_health_airflow.ui import shell, told_once
from customer_health_airflow.ui.access import can_act, from_this_page, may_act
from customer_health_airflow.ui.number_pages import forgiving
from customer_health_airflow.ui.page_queries import ledger, old_scores, whole_ledger
from customer_health_airflow.ui.remembered_forecast import remembered_forecast
from customer_health_airflow.ui.viewing import ViewerDep

router = APIRouter(default_response_class=HTMLResponse)
acts = APIRouter(dependencies=[Depends(can_act), Depends(from_this_page)])

PAGE = 50
TITLES = {OVERDUE: "Overdue", LATER: "Later", NO_DATE: "No renewal date"}
DONE = {"called": "The call is in the forecast.", "final": "The final call is in the forecast."}
CALLERS = {"model": "Model", "csm": "CSM's call", "final": "Final call"}


@router.get("/renewals")
def renewals(
    request: Request,
    user: GetUserDep,
    viewer: ViewerDep,
    as_of: date | None = None,
    quarter: str = "",
    segment: str = "",
    owner: str = "",
    page: int = 1,
) -> Response:
    """ARR up for renewal with what is expected to stay, the calls, and how right they were before."""
    settings = load_settings()
    engine = ledger(settings.ledger_url)
    days = [run["as_of"] for run in portfolio_queries.runs(engine)]
    if not days:
        return shell.render(request, "empty.html", company=settings.config.name)
    day = as_of or days[0]
    if day not in days:
        raise HTTPException(404, f"No scores were published for {day}.")
    newest = day == days[0]

    with engine.connect() as connection:
        found, segments, owners = remembered_forecast(
            connection,
            day,
            viewer,
            config=settings.config,
            segment=segment,
            owner=owner,
            known_before=_calls_before(settings, day, newest),
        )
    names = [line.name for line in found.quarters]
    if quarter and quarter not in {*names, *TITLES}:
        raise HTTPException(404, f"'{quarter[:40]}' is not among the quarters shown: {', '.join(names)}.")
    wanted = quarter or _first_with_something(found.quarters)
    listed = sorted(
        (one for one in found.renewals if one.when == wanted),
        key=lambda one: (-one.at_risk, -(one.arr or 0.0), one.account_id),
    )
    pages = max(-(-len(listed) // PAGE), 1)
    page = min(max(page, 1), pages)
    graded_on, graded = report_numbers.latest(engine, report_numbers.RENEWALS, as_of=day)
    response = shell.render(
        request,
        "renewals.html",
        company=settings.config.name,
        old_scores=old_scores(engine, settings, as_of),
        found=found,
        day=day,
        days=days,
        newest=newest,
        wanted=wanted,
        titles=TITLES,
        segment=segment,
        owner=owner,
        segments=segments,
        owners=owners,
        listed=listed[(page - 1) * PAGE : page * PAGE],
        page=page,
        pages=pages,
        may_call=newest and wanted in names and may_act(user),
        leads={one.account_id for one in listed if viewer.leads(one.owner, one.manager)},
        leads_all=viewer.everything,
        leaves_out=LEAVES_OUT,
        graded_on=graded_on,
        graded=forgiving(_of_viewer(graded, viewer)),
        callers=CALLERS,
        done=told_once.said(request, DONE),
        verdict=verdict,
    )
    told_once.forget(request, response)
    return response


@acts.post("/renewals/call")
def call(
    request: Request,
    user: GetUserDep,
    viewer: ViewerDep,
    account_id: Annotated[str, Form(max_length=255)],
    verdict: Annotated[str, Form()] = "amount",
    amount: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
    final: Annotated[str, Form()] = "",
) -> Response:
    """Keep what the reader says about one renewal."""
    settings = load_settings()
    try:
        made = call_account(
            whole_ledger(settings.ledger_url),
            settings.config,
            account_id,
            retained=_amount(verdict, amount),
            final=bool(final),
            by=str(user.get_name()),
            note=note,
            now=now_of(settings, datetime.now(UTC)),
            viewer=viewer,
        )
    except FatalError as error:
        return shell.trouble(request, error, 409)
    return told_once.redirect(request, f"/renewals?quarter={made.quarter}", "final" if final else "called")


@acts.post("/renewals/final")
def final_call(
    request: Request,
    user: GetUserDep,
    viewer: ViewerDep,
    quarter: Annotated[str, Form(max_length=40)],
    amount: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Keep the lead's number for a whole quarter."""
    settings = load_settings()
    try:
        made = call_quarter(
            whole_ledger(settings.ledger_url),
            settings.config,
            quarter,
            retained=_amount("amount", amount) or 0.0,
            by=str(user.get_name()),
            note=note,
            now=now_of(settings, datetime.now(UTC)),
            viewer=viewer,
        )
    except FatalError as error:
        return shell.trouble(request, error, 409)
    return told_once.redirect(request, f"/renewals?quarter={made.quarter}", "final")


def verdict(one: Renewal, retained: float) -> str:
    """Name what a call says about a renewal, in one word."""
    if retained <= 0:
        return "leaves"
    if one.arr is None or abs(retained - one.arr) < 0.5:
        return "renews"
    return "grows" if retained > one.arr else "shrinks"


def _amount(verdict: str, amount: str) -> float | None:
    if verdict == "renews":
        return None
    if verdict == "leaves":
        return 0.0
    text = amount.strip().replace(",", "").replace("_", "")
    try:
        return float(text)
    except ValueError:
        raise FatalError(
            f"'{amount[:40]}' is not an amount.", hint="Write the ARR that stays in digits: 120000."
        ) from None


def _calls_before(settings: Settings, day: date, newest: bool) -> datetime:
    """Today's calls count on the newest day; an earlier day shows what was known on its evening."""
    if newest:
        return now_of(settings, datetime.now(UTC)) + timedelta(seconds=1)
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _first_with_something(lines: Any) -> str:
    return str(next((line.name for line in lines if line.renewals), lines[0].name))


def _of_viewer(graded: Any, viewer: ViewerDep) -> Any:
    """Leave out what sums up customers, or grades people, that the viewer may not see."""
    if graded is None or viewer.everything:
        return graded
    own = [row for row in graded["accuracy"] if row["group"].removeprefix("owner: ").lower() in viewer.owners]
    return graded | {"quarters": [], "accuracy": own}
