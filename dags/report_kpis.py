"""
# Report KPIs

**What.** Measures whether all this helps: retention, saves, time to the first step, precision of the alerts,
and how the model's predictions compare with what happened.

| | |
|---|---|
| Runs | on Mondays, when playbooks have decided (asset `health_report_due`), or by hand |
| Reads | raw tables (closed tasks and renewals come back as facts), the ledger |
| Writes | the KPI report of the week, and the prediction scoreboard |

`scoreboard` grades every published prediction whose time has come: what was lost, what had been Red, what was
missed and with which signals.

**When it is red.** Nothing else depends on it. The log names the table; fix it and clear the task.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import REPORT_DUE
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE
from customer_health_airflow.operators.step_operators import ReportKpisOperator, ScoreboardOperator
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="report_kpis",
    dag_display_name="07 · Report KPIs",
    description="Everything to KPIs and the weekly report",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=REPORT_DUE),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "weekly", "warehouse"],
):
    ReportKpisOperator(task_id="report", **ON_THE_WAREHOUSE) >> ScoreboardOperator(
        task_id="scoreboard", **ON_THE_WAREHOUSE, trigger_rule="all_done"
    )
