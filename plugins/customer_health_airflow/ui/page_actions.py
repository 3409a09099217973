"""What a reader may do: approve, decline and send again, each with a typed reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from customer_health.errors import CustomerHealthError, FatalError
from customer_health.ledger.outbox import admin
from customer_health.pipeline import now_of, resolve_challenger
from customer_health.settings import load_settings
from customer_health_airflow.ui import shell, told_once
from customer_health_airflow.ui.access import can_act, can_train, from_this_page
from customer_health_airflow.ui.page_queries import whole_ledger

router = APIRouter(dependencies=[Depends(can_act), Depends(from_this_page)])
models = APIRouter(dependencies=[Depends(can_train), Depends(from_this_page)])

# What can be done with an effect, by its state.
VERBS = {
    "awaiting_approval": ("approve", "decline"),
    "rejected": ("resend",),
    "unknown": ("resend",),
    "delivered": ("resend",),
}
ACTS: dict[str, Callable[..., None]] = {"approve": admin.approve, "decline": admin.decline}


@router.post("/actions/{key}/{verb}")
def act(
    request: Request,
    key: str,
    verb: str,
    user: GetUserDep,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Do it in the reader's name, then show the effects of that state again."""
    if verb not in {*ACTS, "resend"}:
        raise HTTPException(404, "There is no such thing to do with an effect.")
    settings = load_settings()
    engine, by = whole_ledger(settings.ledger_url), str(user.get_name())
    now = now_of(settings, datetime.now(UTC))
    try:
        said: dict[str, Any] = {"now": now, "reason": _typed(reason)}
        if verb == "resend":
            admin.resend(engine, key, f"{by}: {said['reason']}", now=now)
        else:
            ACTS[verb](engine, key, by=by, approvers=settings.config.playbooks.approver_names, **said)
    except FatalError as error:
        return shell.trouble(request, error, 409)
    return told_once.redirect(request, "/actions", verb)


@models.post("/model/{model_id}/{verb}")
def answer(
    request: Request,
    model_id: str,
    verb: str,
    user: GetUserDep,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Approve or reject the training that waits, in the reader's name, then show which model is in use."""
    if verb not in ("approve", "reject"):
        raise HTTPException(404, "There is no such thing to do with a model.")
    settings = load_settings()
    try:
        resolve_challenger(
            settings,
            model_id=model_id,
            approve=verb == "approve",
            by=str(user.get_name()),
            now=now_of(settings, datetime.now(UTC)),
            reason=_typed(reason),
            approvers=settings.config.playbooks.approver_names,
        )
    except CustomerHealthError as error:
        return shell.trouble(request, error, 409)
    return told_once.redirect(request, "/model", f"{verb}_model")


def _typed(reason: str) -> str:
    """Return the reason without its margins.

    Raises:
        FatalError: None was given.
    """
    if len(reason.strip()) < 5:
        raise FatalError("A reason is needed.", hint="Go back and say in a few words why.")
    return reason.strip()
