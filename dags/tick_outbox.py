"""
# Tick the outbox

**What.** What cannot wait for the next day: reminders and escalations (36 and 48 hours), messages that
quiet hours held back, effects whose time to be tried again has come, questions that wait for a person.
It never changes a score.

| | |
|---|---|
| Runs | every hour, at a quarter past |
| Reads | episodes and the outbox in the ledger; reactions to Slack's messages |
| Writes | what is due now; the destinations; one run of `approve_actions` per open question |
| Notices | that the day's scores are overdue, and tells `playbooks.data_channel` |
| Calls | the monitor in `CUSTOMER_HEALTH_HEARTBEAT`, while the scores are there; skipped without one |

`collect_responses` hears first who is on it, so that nobody is reminded who said so. The rest takes turns
with `deliver_effects` in the pool of each destination. A question has exactly one run, named
after what it asks about; `ask` is skipped for those that have been asked before.

**When it is red.** As in `deliver_effects`: the log carries the remote's own words with a remedy. Nothing is
lost; the next hour goes on where this one stopped.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronTriggerTimetable, TriggerRule

from customer_health_airflow import policies
from customer_health_airflow.dag_names import delivery_pool
from customer_health_airflow.operators.delivery_operator import deliver_to_each
from customer_health_airflow.operators.mapped_lists import list_questions
from customer_health_airflow.operators.step_operators import CollectResponsesOperator, FollowUpOperator
from customer_health_airflow.operators.upkeep_operators import HeartbeatOperator
from customer_health_airflow.schedule import START
from customer_health_airflow.trigger_form import reason_param

with DAG(
    dag_id="tick_outbox",
    dag_display_name="08 · Tick the outbox",
    description="Every hour: what became due, and what is to be tried again",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("15 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=policies.DEFAULT_ARGS,
    params=reason_param(),
    tags=[*policies.TAGS, "hourly", "outside"],
):
    collect = CollectResponsesOperator(task_id="collect_responses", pool=delivery_pool("slack"))
    # A workspace that lets nobody in must not keep reminders from being promised.
    follow_up = FollowUpOperator(task_id="follow_up", trigger_rule=TriggerRule.ALL_DONE)
    collect >> follow_up >> deliver_to_each()
    # Only where the hour's work went well: the monitor outside hears of everything else by silence.
    follow_up >> HeartbeatOperator(task_id="heartbeat")
    questions = list_questions()
    follow_up >> questions
    TriggerDagRunOperator.partial(
        task_id="ask",
        trigger_dag_id="approve_actions",
        logical_date=None,
        skip_when_already_exists=True,
        map_index_template="{{ task.trigger_run_id }}",
    ).expand_kwargs(questions)
