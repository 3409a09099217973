"""Who may see the page. Airflow does not authenticate plugin apps: an unguarded one is open to anybody."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from fastapi import HTTPException, Request, status

# Anybody who may read the scoring DAG may read the scores. `is_authorized_custom_view` is no
# substitute: the simple auth manager ignores the method there.
GUARDING_DAG = "score_accounts"
# Anybody who may start a delivery may send one effect again, or let one go.
ACTING_DAG = "deliver_effects"
# Anybody who may start a training may say which of two models scores.
TRAINING_DAG = "train_model"


def can_read(user: GetUserDep) -> None:
    """Let a request through or end it with 401 (nobody) or 403 (somebody else)."""
    allowed = get_auth_manager().is_authorized_dag(
        method="GET", details=DagDetails(id=GUARDING_DAG), user=user
    )
    if not allowed:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read customer health scores.")


def may_act(user: GetUserDep) -> bool:
    """Whether the forms about effects are for this reader."""
    return _may_start(ACTING_DAG, user)


def may_train(user: GetUserDep) -> bool:
    """Whether the form about a model is for this reader."""
    return _may_start(TRAINING_DAG, user)


def _may_start(dag: str, user: GetUserDep) -> bool:
    return get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag), user=user
    )


def can_act(user: GetUserDep) -> None:
    """Let through anybody who may start a delivery; 403 for everybody else."""
    if not may_act(user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not act on effects.")


def can_train(user: GetUserDep) -> None:
    """Let through anybody who may start a training; 403 for everybody else."""
    if not may_train(user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not decide about models.")


def from_this_page(request: Request) -> None:
    """Refuse a form that another site made a reader's browser send.

    The browser adds the session's cookie to such a form automatically; it also says, truthfully, where the
    form came from. A client that carries its own token in a header is not a browser that could be misled.
    """
    if request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    origin = urlsplit(request.headers.get("origin", "")).netloc
    own = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
    if not origin or origin not in own:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This form did not come from the page.")
