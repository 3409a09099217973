"""A monitor outside hears from us every hour, and raises its alarm when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.lib.ledger import morning, publish
from tests.lib.servers.base import Answer, Request, Server

from customer_health.cli.command_line import main
from customer_health.delivery import http_client
from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger.engine import open_ledger
from customer_health.operations.heartbeat import beat
from customer_health.settings import Settings, load_settings

SECRET = "8c1f-our-ping-key"


class Monitor(Server):
    """Answers calls of one path, as such monitors do."""

    def answer(self, request: Request) -> Answer:
        """OK to the known key."""
        known = request.path == f"/ping/{SECRET}" and request.query == {"from": ["here"]}
        return Answer(200, "OK") if known else Answer(404, "not found")


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monitor = Monitor()
    yield monitor
    monitor.close()


def _settings(home: Path, address: str) -> Settings:
    return load_settings({"CUSTOMER_HEALTH_HEARTBEAT": address}, home=home)


def test_one_call_reaches_the_monitor_and_its_secret_stands_nowhere(monitor: Monitor, tmp_path: Path) -> None:
    settings = _settings(tmp_path, f"{monitor.url}/ping/{SECRET}?from=here")
    done = beat(settings, now=morning(2))
    assert [request.method for request in monitor.requests] == ["GET"]
    assert done.counts()["sent"] == 1
    assert SECRET not in " ".join(done.lines()) + repr(settings) + str(settings.model_dump())


def test_the_heartbeat_stays_out_when_the_scores_are_overdue_so_that_somebody_outside_hears_of_it(
    monitor: Monitor, tmp_path: Path
) -> None:
    settings = _settings(tmp_path, f"{monitor.url}/ping/{SECRET}?from=here")
    publish(open_ledger(settings.ledger_url), 2, {"acme": 61})
    assert beat(settings, now=morning(2)).counts()["sent"] == 1
    overdue = morning(3).replace(hour=9)
    done = beat(settings, now=overdue)
    assert (done.counts()["sent"], len(monitor.requests)) == (0, 1)
    assert "raises its alarm" in done.lines()[0]
    publish(open_ledger(settings.ledger_url), 3, {"acme": 61})
    assert beat(settings, now=overdue + timedelta(hours=1)).counts()["sent"] == 1


def test_without_an_address_it_says_that_nobody_watches(tmp_path: Path) -> None:
    done = beat(load_settings({}, home=tmp_path), now=morning(2))
    assert done.counts()["sent"] == 0
    assert "nobody is told" in done.lines()[0]


@pytest.mark.parametrize(
    ("status", "error"), [(404, ConfigurationError), (302, ConfigurationError), (500, RetriableError)]
)
def test_a_monitor_that_refuses_or_fails_is_named_without_its_secret(
    monitor: Monitor, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    monitor.answer = lambda request: Answer(status, "no", {"Location": "https://evil.example/"})  # type: ignore[method-assign]
    with pytest.raises(error, match=f"answered {status}") as caught:
        beat(_settings(tmp_path, f"{monitor.url}/ping/{SECRET}"), now=morning(2))
    assert SECRET not in str(caught.value)
    assert len(monitor.requests) == 1


def test_a_monitor_that_is_gone_is_tried_again(monitor: Monitor, tmp_path: Path) -> None:
    monitor.close()
    with pytest.raises(RetriableError) as caught:
        beat(_settings(tmp_path, f"{monitor.url}/ping/{SECRET}"), now=morning(2))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["ftp://monitor/x", "monitor/x", "https://u:p@monitor.example/", "http://[::1"]
)
def test_what_is_not_an_address_is_refused_before_any_call(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match="CUSTOMER_HEALTH_HEARTBEAT is not an address"):
        beat(_settings(tmp_path, address), now=morning(2))


def test_https_goes_to_public_hosts_and_what_is_not_encrypted_stays_inside(
    monitor: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = monitor.url.rsplit(":", 1)[1]
    with pytest.raises(ConfigurationError, match=r"private address 127\.0\.0\.1"):
        beat(_settings(tmp_path, f"https://localhost:{port}/ping/{SECRET}"), now=morning(2))
    # This machine plays a public one: nothing on the Internet is called by a test.
    monkeypatch.setattr(
        http_client.ipaddress, "ip_address", lambda _: http_client.ipaddress.IPv4Address("9.9.9.9")
    )
    with pytest.raises(ConfigurationError, match=r"public address 9\.9\.9\.9"):
        beat(_settings(tmp_path, f"http://localhost:{port}/ping/{SECRET}"), now=morning(2))
    assert monitor.requests == []


def test_the_command_tries_it(
    monitor: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_HEARTBEAT", f"{monitor.url}/ping/{SECRET}?from=here")
    assert main(["heartbeat"]) == 0
    assert "knows that we are alive" in capsys.readouterr().out
    monkeypatch.setenv("CUSTOMER_HEALTH_HEARTBEAT", f"{monitor.url}/ping/another")
    assert main(["heartbeat"]) != 0
