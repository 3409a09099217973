"""
# Run playbooks

**What.** Compares the new scores with what is open, begins and ends episodes, and writes every effect that
a playbook asks for into the outbox, in the same transaction. Nothing is sent here.

| | |
|---|---|
| Runs | when the day's scores are published (asset `health_scores`) |
| Reads | scores and episodes in the ledger, CRM tasks in `raw.*`, the playbooks in `playbooks/library/` |
| Writes | episodes, decisions and promised effects in the ledger |
| Tells | `deliver_effects` (asset `health_actions`); on Mondays `report_kpis` (asset `health_report_due`) |

The same account, playbook, episode and step always give the same key, and a key is promised once.
So a repeat, a cleared task or a back-fill adds nothing; days older than 36 hours promise nothing at all.

**When it is red.** Nothing of this run was written. The log names the playbook and its file.
Fix it and clear the task.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import ACTIONS, REPORT_DUE, SCORES
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE
from customer_health_airflow.operators.step_operators import CallForReportOperator, RunPlaybooksOperator
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="run_playbooks",
    dag_display_name="04 · Run playbooks",
    description="Scores to episodes, decisions and the outbox",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=SCORES),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "daily", "warehouse"],
):
    decide = RunPlaybooksOperator(task_id="decide", **ON_THE_WAREHOUSE, outlets=[ACTIONS])
    decide >> CallForReportOperator(task_id="call_for_report", outlets=[REPORT_DUE])
