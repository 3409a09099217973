"""
# Deliver effects

**What.** Fulfils what the outbox promised: CRM tasks, alerts, enrolments, field updates. One task per
destination, so that one that is down holds up nobody else.

| | |
|---|---|
| Runs | when playbooks have decided (asset `health_actions`) |
| Reads | the outbox in the ledger |
| Writes | the destinations; the outcome of every attempt in the ledger |

Without keys every destination is `preview`, which renders what would be sent into files.

**Once, not twice.** An effect is claimed under a lease, marked *trying* before the call, and looked up at the
destination after a crash. Where that cannot be done it becomes *unknown* and a person decides.

**When it is red.** Its log carries the remote's own words with a remedy. Effects that it refused stay
visible on the page *Health, Actions*. What is still pending goes out with the next `tick_outbox`, within
the hour; clearing the task sends nothing twice.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import ACTIONS
from customer_health_airflow.operators.delivery_operator import deliver_to_each
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="deliver_effects",
    dag_display_name="05 · Deliver effects",
    description="The outbox to the tools that people already use",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=ACTIONS),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "daily", "outside"],
):
    deliver_to_each()
