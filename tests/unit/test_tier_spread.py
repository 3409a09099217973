"""A score that tells nobody apart is a finding, stated where people look."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tests.lib.ledger import day, morning, new_ledger, score_row

from customer_health.cli.run_summary import demo_summary
from customer_health.ledger import scores
from customer_health.model.evaluation.tier_spread import crowding, rules_crowding
from customer_health.settings import load_settings

TODAY = pd.Timestamp("2026-11-01")


@pytest.mark.parametrize(
    ("counts", "losses", "words"),
    [
        ({"Healthy": 6957, "At Risk": 1}, 300, "100% of 6,958 scored accounts are Healthy"),
        ({"Critical": 97, "Healthy": 3}, 5, "97% of 100 scored accounts are Critical"),
        ({"Healthy": 40}, 3, "none of 40 scored accounts is below Healthy, and 3 were lost"),
        ({"Healthy": 40}, 0, "100% of 40"),
        ({"Healthy": 95, "At Risk": 5}, 9, ""),
        ({"Healthy": 19}, 9, ""),
        ({}, 9, ""),
    ],
)
def test_nearly_all_in_one_tier_or_none_in_danger_is_said(
    counts: dict[str, int], losses: int, words: str
) -> None:
    found = crowding(counts, "Healthy", losses)
    assert words in found if words else found == ""


def test_the_card_says_it_of_rules_that_call_everybody_healthy() -> None:
    rows = pd.DataFrame({"account_id": [f"a{n}" for n in range(30)], "as_of": TODAY, "recent_nps": 9.0})
    lost = pd.DataFrame(
        {"account_id": ["x", "y"], "kind": "logo_churn", "occurred_at": [TODAY - pd.Timedelta(days=9)] * 2}
    )
    assert "none of 30" in rules_crowding(rows, "rules_v1_seed", lost, TODAY)
    old = lost.assign(occurred_at=TODAY - pd.Timedelta(days=900))
    assert "100% of 30" in rules_crowding(rows, "rules_v1_seed", old, TODAY)
    half = rows.assign(recent_nps=[0.0, 9.0] * 15, open_critical_tickets=[3.0, 0.0] * 15)
    assert rules_crowding(half, "rules_v1_seed", lost, TODAY) == ""


def test_the_summary_states_what_scoring_found(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path)
    frame = pd.DataFrame([score_row("acme", 95.0)])
    note = "The rules score. " + crowding({"Healthy": 40}, "Healthy", 3)
    scores.publish(ledger, frame, day(1), published_at=morning(1), note=note)
    said = " ".join(demo_summary(load_settings({}, home=tmp_path), as_of=day(1)).split())
    assert "The tiers tell little: none of 40 scored accounts is below Healthy" in said
