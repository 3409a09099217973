"""
# Look after the stores

**What.** Removes what the company file's `retention` no longer keeps, then writes a back-up of ledger,
warehouse, state, landed files, models and reports to the address in `CUSTOMER_HEALTH_BACK_UP`.

| | |
|---|---|
| Runs | every night at half past three (UTC) |
| Reads | the ledger and the volume `data` |
| Writes | fewer rows and files; one new folder at the back-up's address |

Without an address `back_up` is skipped. Old back-ups are yours to remove: a rule of the object store does it,
and the account that writes them needs no right to delete. `airflow-cleanup` looks after Airflow's own
database and logs.

**When it is red.** `retain`: the ledger could not be written; the next night removes more. `back_up`: the
log says which address refused. Scores and deliveries do not depend on either.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from customer_health_airflow import policies
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE
from customer_health_airflow.operators.upkeep_operators import BackUpOperator, RetainOperator
from customer_health_airflow.schedule import START
from customer_health_airflow.trigger_form import reason_param

with DAG(
    dag_id="look_after_stores",
    dag_display_name="11 · Look after the stores",
    description="Every night: let go of what is old, and back up the rest",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=reason_param(),
    tags=[*policies.TAGS, "daily", "warehouse"],
):
    retain = RetainOperator(task_id="retain", **ON_THE_WAREHOUSE)
    # A back-up is due even where something could not be removed.
    retain >> BackUpOperator(task_id="back_up", trigger_rule=TriggerRule.ALL_DONE, **ON_THE_WAREHOUSE)
