"""Nobody acts on an effect about a customer whom he or she does not see."""

from __future__ import annotations

from fastapi import HTTPException, Request

from customer_health.ledger import outbox_queries
from customer_health.settings import load_settings
from customer_health_airflow.ui.page_queries import ledger
from customer_health_airflow.ui.viewing import looking


def own_effect(request: Request) -> None:
    """End a request about somebody else's effect with 404, as if it were not there."""
    key = request.path_params.get("key")
    if looking().everything or key is None:
        return
    if not outbox_queries.exists(ledger(load_settings().ledger_url), str(key)):
        raise HTTPException(404, "There is no such effect.")
