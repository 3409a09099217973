"""
# Audit deliveries

**What.** Counts, at each destination, what was sent more than once because an answer was lost. A remote that
commits a call after we have looked for it in vain holds the effect twice: the one hole that exactly-once
leaves where a remote takes no key of ours as unique.

| | |
|---|---|
| Runs | every night at half past two (UTC) |
| Reads | the outbox and its delivery log; the destinations, by key |
| Writes | on the rows of effects that are there twice (page *Health, Actions*); a message to the data team |

It sends, changes and deletes nothing at a destination.

**When it is red.** A destination did not answer. Nothing depends on it; the next night counts again.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable

from customer_health_airflow import policies
from customer_health_airflow.operators.delivery_operator import audit_each
from customer_health_airflow.schedule import START
from customer_health_airflow.trigger_form import reason_param

with DAG(
    dag_id="audit_deliveries",
    dag_display_name="10 · Audit deliveries",
    description="Every night: did anything land twice?",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 2 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=reason_param(),
    tags=[*policies.TAGS, "daily", "outside"],
):
    audit_each()
