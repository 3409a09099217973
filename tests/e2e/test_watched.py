"""Our gauges, and Airflow's own numbers, arrive where a real collector would listen.

The whole of Airflow runs: API server, scheduler, DAG processor, triggerer, and `tick_outbox` in a process of
its own; the receivers speak StatsD and OTLP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from customer_health.ledger.engine import open_ledger
from customer_health.settings import load_settings
from customer_health_airflow.local.stack import Stack
from tests.lib.collectors import LineageReceiver, OtlpReceiver, StatsdReceiver
from tests.lib.ledger import publish

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
WITHIN = 900  # seconds: four processes of Airflow on two busy cores


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation that has scores, and an Airflow that has lived through nothing."""
    settings = load_settings({}, home=tmp_path / "home")
    publish(open_ledger(settings.ledger_url), 2, {"acme": 61, "calm": 90})
    (tmp_path / "airflow").mkdir()
    return tmp_path


def _tick(home: Path, config: str, arrived: Callable[[], bool]) -> None:
    """Run tick_outbox once under these lines of airflow.cfg, until what is waited for has arrived."""
    (home / "airflow" / "airflow.cfg").write_text(config, encoding="utf-8")
    stack = Stack(print, home / "airflow")
    try:
        stack.start({"CUSTOMER_HEALTH_HOME": str(home / "home")})
        stack.airflow.pause("tick_outbox", paused=False)
        stack.airflow.call("POST", "/api/v2/dags/tick_outbox/dagRuns", {"logical_date": None})
        deadline = time.monotonic() + WITHIN
        while not arrived():
            stack.check()
            assert time.monotonic() < deadline, "nothing has arrived"
            time.sleep(1)
    finally:
        stack.stop()


@pytest.fixture
def statsd() -> Iterator[StatsdReceiver]:
    receiver = StatsdReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


def test_gauges_arrive_at_statsd(home: Path, statsd: StatsdReceiver) -> None:
    pytest.importorskip("statsd")
    config = f"[metrics]\nstatsd_on = True\nstatsd_host = 127.0.0.1\nstatsd_port = {statsd.port}\n"
    ours = "airflow.customer_health.scores.published"
    _tick(home, config, lambda: ours in statsd.gauges and "airflow.executor.open_slots" in statsd.gauges)
    assert statsd.gauges[ours] == 2
    age = (datetime.now(UTC).date() - date(2026, 11, 2)).days * 24
    assert abs(statsd.gauges["airflow.customer_health.scores.age_hours"] - age) < 48
    assert statsd.gauges["airflow.customer_health.waiting.crm.oldest_seconds"] == 0
    assert {"c", "ms"} <= statsd.kinds, "Airflow's own counters and timings come the same way"


def test_gauges_and_spans_arrive_at_an_opentelemetry_collector(
    home: Path, collector: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    ours = "airflow.customer_health.scores.published"
    _tick(
        home,
        "[metrics]\notel_on = True\notel_interval_milliseconds = 2000\n[traces]\notel_on = True\n",
        lambda: ours in collector.gauges,
    )
    assert collector.gauges[ours] == 2


def test_lineage_events_arrive_at_a_backend(home: Path) -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="in the image, not in this environment")
    backend = LineageReceiver()
    transport = f'{{"type": "http", "url": "{backend.url}", "endpoint": "api/v1/lineage"}}'
    try:
        _tick(
            home,
            f"[openlineage]\ntransport = {transport}\nnamespace = customer-health\n",
            lambda: ("COMPLETE", "tick_outbox.follow_up") in backend.events,
        )
    finally:
        backend.close()
    assert ("START", "tick_outbox.follow_up") in backend.events
