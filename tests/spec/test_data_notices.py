"""Those who run the system hear of what failed, once, through the outbox; customers' people do not."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine
from tests.lib.ledger import day, morning, publish, run

from customer_health.company import CompanyConfig
from customer_health.destinations.preview import render
from customer_health.destinations.slack.slack_limits import problems
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox.queue import effect_of
from customer_health.playbooks.operator_notices import Notice, missing_scores, tell_data_team

CONFIG = CompanyConfig()
FAILED = Notice(
    topic="task_failed:score_accounts.score",
    cycle="day-2026-11-03",
    title="score_accounts.score failed",
    lines=("raw.accounts lacks the column arr.",),
    remedy="Map it in line 7 <https://bad.example|here>.",
    link="https://airflow.example/dags/score_accounts",
)


def notices(engine: Engine):
    return [row for row in admin.find(engine) if row["playbook"] == "data_notice"]


def test_a_failure_is_told_once_however_often_it_is_noticed(ledger):
    assert tell_data_team(ledger, CONFIG, [FAILED], now=morning(3)) == 1
    assert tell_data_team(ledger, CONFIG, [FAILED], now=morning(3) + timedelta(hours=2)) == 0
    (row,) = notices(ledger)
    assert row["payload"]["channel"] == CONFIG.playbooks.data_channel != CONFIG.playbooks.alerts_channel


def test_the_message_reads_well_and_no_text_can_hide_a_link_in_it(ledger):
    tell_data_team(ledger, CONFIG, [FAILED], now=morning(3))
    sent, read = render(effect_of(notices(ledger)[0]))
    assert problems(sent["body"]) == []
    assert "raw.accounts lacks the column arr." in read
    assert "What to do" in read
    assert "<https://bad.example|here>" not in str(sent["body"])


def test_missing_scores_are_noticed_after_the_hour_at_which_they_are_due(ledger):
    publish(ledger, 1, {"acme": 80})
    seven = morning(2) + timedelta(hours=2)
    assert missing_scores(ledger, CONFIG, now=seven - timedelta(minutes=1)) == []
    (notice,) = missing_scores(ledger, CONFIG, now=seven)
    assert str(day(2)) in notice.title
    assert str(day(1)) in " ".join(notice.lines)
    publish(ledger, 2, {"acme": 80})
    assert missing_scores(ledger, CONFIG, now=seven) == []


def test_before_the_first_scores_nothing_is_expected_of_anybody(ledger):
    assert missing_scores(ledger, CONFIG, now=morning(2) + timedelta(hours=9)) == []


def test_a_notice_leaves_the_alerts_of_the_day_alone(ledger):
    publish(ledger, 1, {"acme": 80})
    run(ledger, 1)
    publish(ledger, 2, {"acme": 20})
    tell_data_team(ledger, CONFIG, [FAILED], now=morning(2))
    run(ledger, 2)
    alerts = [row for row in admin.find(ledger) if (row["account_id"], row["verb"]) == ("acme", "notify")]
    assert len(alerts) == 1
