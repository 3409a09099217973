"""A week of nights with what goes wrong in a year; `python -m benchmarks.nights` lives through the year."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_health.ledger.engine import open_ledger
from customer_health.playbooks import operator_notices
from tests.lib.nights import Incident, Nights, findings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# 29 March 2026 is the Sunday on which clocks change.
FIRST = date(2026, 3, 26)
WRONG = [
    Incident("damaged_file", 1),
    Incident("killed", 2),
    Incident("slack_down", 3),
    Incident("long_night", 4),
]


def _nights(home: Path, incidents: list[Incident], nights: int) -> Nights:
    return Nights(home, accounts=40, first=FIRST, nights=nights, incidents=incidents)


def test_a_week_of_incidents_stops_nothing_else_loses_nothing_and_says_everything(tmp_path: Path) -> None:
    week = _nights(tmp_path, WRONG, 6)
    diary = week.live()
    assert findings(week) == []
    assert {failure.step for failure in diary.failures} == {"ingest", "deliver slack"}
    assert sorted(diary.published) == week.days, "each day has its scores, the damaged and the long one too"
    assert len(week.slack.server.created()) > 0


def test_the_findings_notice_what_they_are_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken twin: nobody tells the data team, so silence and unannounced lateness are found."""
    monkeypatch.setattr(operator_notices.outbox, "add", lambda *_, **__: [])
    two = _nights(tmp_path, [Incident("damaged_file", 1)], 4)
    two.days = two.days[:2]
    two.live()
    found = " ".join(findings(two))
    assert "silent failure 2026-03-27: ingest" in found
    assert "scores of 2026-03-27 were late without a word" in found
    assert open_ledger(two.settings.ledger_url)
