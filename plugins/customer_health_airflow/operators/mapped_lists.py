"""What the chain maps over. Asked when a run starts, so that a new source needs no change here."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import task

from customer_health_airflow.task_stop import plain_words

MOST = 200  # at a time; Airflow maps over 1,024 at most, and the next tick asks for the rest


@task
def list_sources() -> list[str]:
    """Name every source of this company."""
    from customer_health.pipeline import sources
    from customer_health.settings import load_settings

    return sources(load_settings())


@task
def list_questions() -> list[dict[str, Any]]:
    """Name everything that waits for a person, each with the one run that asks about it."""
    from customer_health.settings import load_settings
    from customer_health_airflow.approvals import respondents, run_id_of, waiting
    from customer_health_airflow.operators.approval_operator import auth_manager

    settings = load_settings()
    with plain_words(logging.getLogger("airflow.task")):
        respondents(settings.config.playbooks.approvers, auth_manager())
    found = waiting(settings)[:MOST]
    return [{"trigger_run_id": run_id_of(**each), "conf": each} for each in found]
