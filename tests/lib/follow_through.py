"""One account that turns Red and is alerted, and what follows: the thread, the task, the clock."""

from __future__ import annotations

from datetime import timedelta

from customer_health.company import CompanyConfig
from customer_health.ledger.crm_tasks import TaskSeen
from customer_health.ledger.outbox import admin
from customer_health.playbooks.reminders import follow_up as look
from tests.lib.ledger import morning, promised, publish, run


def fall(ledger, settings=None):
    """Acme turns Red on day 2; returns its episode."""
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number, settings)
    return promised(ledger, "notify", account_id="acme")[0]["episode_id"]


def after(ledger, hours, settings=None):
    return look(ledger, settings or CompanyConfig(), now=morning(2) + timedelta(hours=hours)).numbers


def said(ledger):
    """Everything the thread says, oldest first: edits by their text in brackets."""
    rows = [row for row in admin.find(ledger) if row["after_key"]]
    rows.sort(key=lambda row: (row["created_at"], row["verb"] == "update_message"))
    return [
        f"[{row['payload']['status']['text']}]" if row["verb"] == "update_message" else row["payload"]["text"]
        for row in rows
    ]


def task(ledger, step="executive_outreach"):
    return promised(ledger, "create_task", account_id="acme", step=step)[0]


def seen(row, hours, *, status="in_progress", outcome=None, task_id="t-1"):
    at = morning(2) + timedelta(hours=hours)
    done = at if status == "completed" else None
    return TaskSeen(row["key"], task_id, status, "dana@example.com", outcome, at, done, at)
