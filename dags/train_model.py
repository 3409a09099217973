"""
# Train model

**What.** Trains on what was known before the as-of date, walking forward in time, and decides: a model takes
over only if it beats the baseline (renewal date and latest NPS) and the rules on data it has not seen.

| | |
|---|---|
| Runs | monthly, when `build_signals` calls for it (asset `health_training_due`), or by hand |
| Reads | the raw tables (two years of panels), outcomes |
| Writes | the model (text and JSON, with hashes), its card, its row in the registry; the value of data |

A company with too little history keeps the rule score and is told why. Nothing waits for this DAG:
`score_accounts` uses the champion that it finds. `value_of_data` comes after the champion is in use: it
hides every source and signal in turn, and writes what each is worth into the model's card.

**When it is red.** The champion before it stays in use. The log says which check failed; the card of the
last good training stays where it was. When no training goes well two months in a row, the data channel is
told.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import TRAINING_DUE
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE
from customer_health_airflow.operators.step_operators import TrainModelOperator, ValueOfDataOperator
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="train_model",
    dag_display_name="06 · Train model",
    description="Panel to walk-forward evaluation to champion",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=TRAINING_DUE),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "monthly", "warehouse"],
):
    TrainModelOperator(task_id="train", **ON_THE_WAREHOUSE) >> ValueOfDataOperator(
        task_id="value_of_data", **ON_THE_WAREHOUSE
    )
