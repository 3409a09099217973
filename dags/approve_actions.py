"""
# Approve actions

**What.** Asks a person, in *Required Actions*, before something leaves the system that must not leave by
itself: a concession, a mail to a customer, a proposed deal, the summary that an alert brake holds back, or
a new model where the company file wants `model.approval: required`.

| | |
|---|---|
| Runs | once per question, called by `tick_outbox` |
| Reads | the effect (or the training) that waits, in the ledger |
| Writes | the answer, with the name of the person who gave it |

The form shows what would be sent. `playbooks.approvers` in the company file says who may answer. No answer in
time is a no. The page *Health, Actions* and the command line answer the same questions; the first counts.
What was approved leaves with the next `tick_outbox`.

**When it is red.** The ledger could not be read or written, and the question still waits. Clear the task, or
answer on the page.
"""

from __future__ import annotations

from airflow.sdk import DAG

from customer_health_airflow import policies
from customer_health_airflow.operators.approval_operator import AskOperator
from customer_health_airflow.trigger_form import question_params

with DAG(
    dag_id="approve_actions",
    dag_display_name="09 · Approve actions",
    description="A person's yes or no, written to the ledger by name",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=256,  # a run waits for a person, and costs nothing meanwhile
    default_args=policies.DEFAULT_ARGS,
    params=question_params(),
    tags=[*policies.TAGS, "people"],
):
    AskOperator(task_id="ask")
