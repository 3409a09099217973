"""
# Ingest sources

**What.** Loads every source into the raw tables and checks them against their contracts. It is the
head of the chain: the DAGs behind it start by themselves, one after the other, for the same day.

**The day.** A run belongs to one *as-of date* (its partition key, `2026-11-19`), and its cut is the
midnight (UTC) with which that date begins: what was known before it counts. The run of a date starts
at that midnight.

| | |
|---|---|
| Runs | daily at 00:00 UTC |
| Reads | the sources: vendors, a company's mapped files, its warehouse, or the simulated company |
| Writes | `raw.*`, `quarantine.rows`, the gate's report |
| Tells | `build_signals`, through the asset `health_raw` |

**By hand.** *Trigger* and choose the as-of date in the form; empty means today. The whole chain
follows. Scores of days older than 36 hours are recomputed, but nothing leaves the system for them.

**Back-fill a range.** *Trigger, Backfill* with the first and last as-of date, or

    airflow backfill create --dag-id ingest_sources \\
        --from-date 2026-11-01 --to-date 2026-11-07 --max-active-runs 1

Days that already ran are left alone (`--reprocess-behavior completed` repeats them). Only this DAG can be
back-filled, and the chain follows; to repeat one later step, clear its run of that day.

**When it is red.**
- `ask`: one vendor is down (tried again, from where it stopped), or does not let us in (renew what the log
  names). The other sources come in all the same; signals of the missing one go stale and become unknown.
- `load`: the log names file, row and column and says what to do. Nothing was lost or half loaded.
- `check_quality`: a table as a whole cannot be trusted (a missing column, an empty source, too many
  duplicates). Open *Data gate report* on the task. Yesterday's scores stay. Fix the source, then clear
  the task.
- Single bad rows do not make it red: they wait in `quarantine.rows` with reason and remedy.
"""

from __future__ import annotations

from airflow.sdk import DAG, task_group

from customer_health_airflow import policies
from customer_health_airflow.assets import RAW
from customer_health_airflow.dag_names import ON_THE_WAREHOUSE, SOURCES_POOL, asking_queue
from customer_health_airflow.operators import step_operators
from customer_health_airflow.operators.mapped_lists import list_sources
from customer_health_airflow.schedule import START, every_midnight
from customer_health_airflow.trigger_form import run_params

with DAG(
    dag_id="ingest_sources",
    dag_display_name="01 · Ingest sources",
    description="Sources to raw tables, behind a data quality gate",
    doc_md=__doc__,
    schedule=every_midnight(),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=run_params(),
    tags=[*policies.TAGS, "daily", "warehouse"],
):

    @task_group(prefix_group_id=False)
    def bring_in(source: str) -> None:
        # A source that is down holds nobody else up.
        named = {"source": source, "map_index_template": "{{ task.source }}"}
        ask = step_operators.AskSourceOperator(
            task_id="ask", pool=SOURCES_POOL, queue=asking_queue(), **named
        )
        ask >> step_operators.IngestSourceOperator(task_id="load", **ON_THE_WAREHOUSE, **named)

    bring_in.expand(source=list_sources()) >> step_operators.QualityGateOperator(
        task_id="check_quality",
        **ON_THE_WAREHOUSE,
        outlets=[RAW],
        trigger_rule="all_done_min_one_success",
    )
