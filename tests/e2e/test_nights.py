"""A few nights with what goes wrong in a year; `python -m benchmarks.nights` lives through the year."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger, writing
from tests.lib.nights import Incident, Nights, findings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# 29 March 2026 is the Sunday on which clocks change. The notice of the damaged file finds Slack down.
FIRST = date(2026, 3, 28)
WRONG = [
    Incident("long_night", 1),
    Incident("damaged_file", 2),
    Incident("slack_down", 2),
    Incident("killed", 3),
]


def test_nights_of_incidents_stop_nothing_else_lose_nothing_and_say_everything(tmp_path: Path) -> None:
    week = Nights(tmp_path, accounts=40, first=FIRST, nights=4, incidents=WRONG)
    diary = week.live()
    assert findings(week) == []
    assert {failure.step for failure in diary.failures} == {"ingest", "deliver slack"}
    assert sorted(diary.published) == week.days, "each day has its scores, the damaged and the long one too"
    assert week.slack.server.created()

    # A broken twin: had nobody told the data team, the findings would say so.
    with writing(open_ledger(week.settings.ledger_url)) as connection:
        notices = schema.outbox.c.playbook == "data_notice"
        connection.execute(update(schema.outbox).where(notices).values(playbook="nobody"))
    found = " ".join(findings(week))
    assert "silent failure 2026-03-30: ingest" in found
    assert "scores of 2026-03-30 were late without a word" in found
    assert "scores of 2026-03-29 were late without a word" in found
