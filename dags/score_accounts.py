"""
# Score accounts

**What.** Gives every account its 0-100 score, its tier, the reasons and a Why of at most ten words, and
publishes them in one transaction: a reader sees yesterday's scores or today's, never a mixture.

| | |
|---|---|
| Runs | when the day's signals are there (asset `health_signals`) |
| Reads | `signals.values`, the champion in the ledger's registry |
| Writes | the date's scores in the ledger |
| Tells | `run_playbooks` (asset `health_scores`) |

`ensure_champion` trains only when nobody has decided yet between a model and the rules: on a new
company's first day. The day does not wait for a training that is due; that is `train_model`'s.

**When it is red.**
- `ensure_champion`: the training failed; its log says what the data lack. Too little history is not a
  failure: then the rule score is used, and every score says so.
- `score`: a damaged model file falls back to the champion before it, then to the rules. Red means that not
  even this was possible. The page keeps showing the last published day.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import SCORES, SIGNALS
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE
from customer_health_airflow.operators.step_operators import EnsureChampionOperator, ScoreAccountsOperator
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="score_accounts",
    dag_display_name="03 · Score accounts",
    description="Signals to scores, tiers and reasons",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=SIGNALS),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "daily", "warehouse"],
):
    EnsureChampionOperator(task_id="ensure_champion", **ON_THE_WAREHOUSE) >> ScoreAccountsOperator(
        task_id="score", **ON_THE_WAREHOUSE, outlets=[SCORES]
    )
