"""
# Build signals

**What.** Computes every signal of every account as of one date, from the raw tables and nothing that
was not known before that date's midnight (UTC).

| | |
|---|---|
| Runs | when `ingest_sources` has passed its gate (asset `health_raw`) |
| Reads | `raw.*` |
| Writes | the date's partition of `signals.values` (replaced, in one transaction) |
| Tells | `score_accounts` (asset `health_signals`), and monthly `train_model` (`health_training_due`) |

`call_for_training` is skipped on most days: the first day of a month that has no training yet calls for
one. Outcomes need 90 and 180 days to show, so a week more of them changes little.

`read_texts` reads what customers wrote (tickets, survey comments, call summaries) and fills in `sentiment`
where the company brings none; a text is read once, and a run that was killed goes on where it stopped. Its
log says how many texts were read, and in which languages. When it fails, the signals are computed all the
same, with the readings that are there. `ask_text_provider` lets Claude, OpenAI or another provider read the
recent texts, redacted and within a weekly budget, where the company file names one (`texts.reader`); without
one it is done at once.

**A range.** Trigger it with *Since*: all days from then to the as-of date are computed in one pass over the
raw tables, which costs little more than one day. Only the last day is scored; older scores stay as they were
published.

**When it is red.** The log names the signal and the table. The scores of the day before stay.
Fix the cause and clear the task: it replaces its own partition, so a repeat is safe.
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable

from customer_health_airflow import policies
from customer_health_airflow.assets import RAW, SIGNALS, TRAINING_DUE
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE, TEXT_POOL, WAREHOUSE_QUEUE
from customer_health_airflow.operators.step_operators import (
    AskTextProviderOperator,
    BuildSignalsOperator,
    CallForTrainingOperator,
    ReadTextsOperator,
)
from customer_health_airflow.trigger_form import range_params

with DAG(
    dag_id="build_signals",
    dag_display_name="02 · Build signals",
    description="Raw tables to signals, one row per account and as-of date",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=RAW),
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=range_params(),
    tags=[*policies.TAGS, "daily", "warehouse"],
):
    build = BuildSignalsOperator(
        task_id="build",
        since="{{ params.since or '' }}",
        **ON_THE_WAREHOUSE,
        outlets=[SIGNALS],
        trigger_rule="all_done",  # texts that could not be read block no score: sentiment stays as it was
    )
    ask = AskTextProviderOperator(task_id="ask_text_provider", pool=TEXT_POOL, queue=WAREHOUSE_QUEUE)
    ReadTextsOperator(task_id="read_texts", **ON_THE_WAREHOUSE) >> ask >> build
    build >> CallForTrainingOperator(task_id="call_for_training", outlets=[TRAINING_DUE])
