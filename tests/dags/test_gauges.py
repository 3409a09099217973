"""A monitoring system sees what the ledger knows: scores, effects, what waits, who does not answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.observability import stats
from sqlalchemy import select, update

from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.measurements import gauges
from customer_health.settings import load_settings
from customer_health_airflow.shown_gauges import show_gauges
from tests.lib.ledger import morning, publish, run


def test_the_gauges_are_those_of_the_ledger_and_reach_airflows_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({}, home=tmp_path)
    ledger = open_ledger(settings.ledger_url)
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number)
    now = morning(2) + timedelta(hours=4)
    crm = schema.outbox.c.destination == "crm"
    with writing(ledger) as connection:
        connection.execute(update(schema.outbox).values(state="delivered"))
        due = {"state": "pending", "not_before": now - timedelta(minutes=90)}
        connection.execute(update(schema.outbox).where(crm).values(due))
        pending = connection.execute(select(schema.outbox).where(crm)).all()
    sent: dict[str, float] = {}
    monkeypatch.setattr(stats, "gauge", lambda name, value, **_: sent.__setitem__(name, value))
    show_gauges(settings, now)
    assert sent == {gauge.name: gauge.value for gauge in gauges(settings, now=now)}
    assert sent["customer_health.scores.published"] == 2
    assert sent["customer_health.scores.age_hours"] == 9
    assert sent["customer_health.effects.crm.pending"] == len(pending) > 0
    assert sent["customer_health.waiting.crm.oldest_seconds"] == 90 * 60
    assert sent["customer_health.waiting.slack.oldest_seconds"] == 0
    assert sent["customer_health.breaker.crm.open"] == 0


def test_an_installation_without_scores_has_gauges_too(tmp_path: Path) -> None:
    names = {gauge.name for gauge in gauges(load_settings({}, home=tmp_path), now=morning(1))}
    assert "customer_health.waiting.crm.oldest_seconds" in names
    assert "customer_health.scores.published" not in names
