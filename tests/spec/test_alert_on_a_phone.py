"""An alert is read on a phone, in a corridor: it fits one screen, and its first lines say what happened."""

from __future__ import annotations

import pytest
from tests.lib.headlines import headlines
from tests.lib.ledger import day, new_ledger, promised, publish, run

from customer_health.destinations.slack import blocks, slack_limits

SCREEN = 14
REASONS = [
    {"code": f"r_{n}", "concept": "usage", "signal": "s", "value": -0.3, "points": -9.0, "phrase": f"Why {n}"}
    for n in range(6)
]
LEVER = {"text": "The score would be 71 with 40 active users instead of 20", "target": "Green", "score": 71}


@pytest.fixture
def alert(tmp_path):
    """The fullest alert: many reasons, a headline fact, a lever."""
    engine = new_ledger(tmp_path)
    full = {"reasons": REASONS, "lever": LEVER}
    for number, score in ((1, 60), (2, 20)):
        facts = headlines("overdue_invoices", as_of=day(number))
        publish(engine, number, {"acme": {"score": score, "facts": facts, **full}})
        run(engine, number)
    found = [row for row in promised(engine, "notify") if row["payload"].get("kind", "alert") == "alert"]
    assert len(found) == 1
    yield slack_limits.as_markdown(blocks.message(found[0]["payload"]))
    engine.dispose()


def test_the_fullest_alert_fits_one_screen_of_a_phone(alert):
    lines = [line for line in alert.splitlines()[1:] if line.strip(" -")]  # the first names the channel
    assert len(lines) <= SCREEN, alert


def test_its_first_two_lines_say_who_what_and_why(alert):
    first, second = [line for line in alert.splitlines()[1:] if line.strip()][:2]
    assert "Acme" in first
    assert "60 → 20" in first
    assert len(second) <= 150
