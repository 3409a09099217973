"""What people say of an account beside its score, from the account page: a lead's override, a CSM's pulse."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from customer_health.errors import CustomerHealthError, FatalError
from customer_health.ledger import account_queries, overrides, pulses
from customer_health.pipeline import now_of
from customer_health.roles import Viewer
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import Settings, load_settings
from customer_health_airflow.ui import shell, told_once
from customer_health_airflow.ui.access import can_act, from_this_page
from customer_health_airflow.ui.page_queries import ledger, whole_ledger
from customer_health_airflow.ui.viewing import ViewerDep

router = APIRouter(dependencies=[Depends(can_act), Depends(from_this_page)])
DONE = {
    "override": "The override stands beside the score, which stays what it is.",
    "end_override": "The override has ended.",
    "pulse": "Your pulse is noted.",
}
AccountId = Annotated[str, Form(max_length=255)]
Words = Annotated[str, Form(max_length=500)]


@router.post("/judgements/override")
def override(
    request: Request,
    user: GetUserDep,
    viewer: ViewerDep,
    account_id: AccountId,
    tier: Annotated[str, Form(max_length=60)] = "",
    until: Annotated[str, Form(max_length=40)] = "",
    reason: Words = "",
) -> Response:
    """Keep the reader's tier for an account beside its score, until a last day."""
    settings = load_settings()
    _answers_for(settings, viewer, account_id)
    try:
        overrides.put(
            whole_ledger(settings.ledger_url),
            account_id,
            tier=tier,
            tiers=scheme_named(settings.config.score.scheme).names,
            reason=reason,
            owner=str(user.get_name()),
            expires_on=_day(until),
            now=_now(settings),
        )
    except CustomerHealthError as error:
        return shell.trouble(request, error, 409)
    return _back(request, account_id, "override")


@router.post("/judgements/end-override")
def end_override(
    request: Request, user: GetUserDep, viewer: ViewerDep, account_id: AccountId, reason: Words = ""
) -> Response:
    """End the override in force."""
    settings = load_settings()
    _answers_for(settings, viewer, account_id)
    engine, by = whole_ledger(settings.ledger_url), str(user.get_name())
    try:
        if not overrides.end(engine, account_id, by=by, reason=reason, now=_now(settings)):
            raise FatalError("This account has no override.", hint="Somebody may have ended it before you.")
    except CustomerHealthError as error:
        return shell.trouble(request, error, 409)
    return _back(request, account_id, "end_override")


@router.post("/judgements/pulse")
def pulse(
    request: Request,
    user: GetUserDep,
    viewer: ViewerDep,
    account_id: AccountId,
    value: Annotated[int, Form()],
    note: Words = "",
) -> Response:
    """Keep how the reader feels about a customer."""
    settings = load_settings()
    _sees(settings, account_id)
    engine, by = whole_ledger(settings.ledger_url), str(user.get_name())
    try:
        pulses.record(engine, account_id, value, by=by, note=note, now=_now(settings))
    except CustomerHealthError as error:
        return shell.trouble(request, error, 409)
    return _back(request, account_id, "pulse")


def _sees(settings: Settings, account_id: str) -> tuple[str | None, str | None]:
    """Return owner and manager of an account that the reader sees; any other one is not there."""
    found = account_queries.owners_of(ledger(settings.ledger_url), account_id)
    if found is None:
        raise HTTPException(404, "No score was ever published for this account.")
    return found


def _answers_for(settings: Settings, viewer: Viewer, account_id: str) -> None:
    """Where people are limited an override is its lead's: the own accounts are not one's own to judge."""
    if not viewer.leads(*_sees(settings, account_id)):
        raise HTTPException(403, "An override is set by a lead or by the manager of the owner.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise FatalError(
            f"'{text[:40]}' is not a date.", hint="Name the last day, such as 2026-12-31."
        ) from None


def _now(settings: Settings) -> datetime:
    return now_of(settings, datetime.now(UTC))


def _back(request: Request, account_id: str, done: str) -> Response:
    return told_once.redirect(request, f"/account/{quote(account_id, safe='')}", done)
