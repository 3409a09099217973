"""Who may see the page. Airflow does not authenticate plugin apps: an unguarded one is open to anybody."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, status

# Whoever may read the scoring DAG may read the scores. `is_authorized_custom_view` is no
# substitute: the simple auth manager ignores the method there.
GUARDING_DAG = "score_accounts"


def can_read(user: GetUserDep) -> None:
    """Let a request through or end it with 401 (nobody) or 403 (somebody else)."""
    allowed = get_auth_manager().is_authorized_dag(
        method="GET", details=DagDetails(id=GUARDING_DAG), user=user
    )
    if not allowed:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read customer health scores.")
