"""A replay beyond what the ledger keeps says what is gone, and never blames the customer for it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.ledger import day, new_ledger, publish

from customer_health.company import CompanyConfig
from customer_health.ledger import gone, scores
from customer_health.ledger.old_rows import remove_old_rows
from customer_health.pipeline.score_questions import REPLAYED, _different


@pytest.fixture
def ledger(tmp_path):
    """Daily scores of 1 to 9 November, a Sunday to a Monday, looked at 120 days later."""
    engine = new_ledger(tmp_path)
    for number in range(1, 10):
        publish(engine, number, {"acme": 80, "beta": 60})
    yield engine
    engine.dispose()


def test_a_row_that_retention_let_go_of_is_called_gone_with_the_rule(ledger):
    assert gone.row_of(ledger, CompanyConfig(), "acme", day(5)) == ""
    remove_old_rows(ledger, CompanyConfig().retention, day(5) + timedelta(days=120))
    said = gone.row_of(ledger, CompanyConfig(), "acme", day(5))
    assert said.startswith("Gone: 2 accounts were published as of 2026-11-05, and the row of 'acme'")
    assert "All rows stay for 90 days" in said
    assert gone.row_of(ledger, CompanyConfig(), "nobody", day(5)) == ""  # it never was there
    assert not scores.of(ledger, day(2)).empty  # Mondays stay
    assert gone.row_of(ledger, CompanyConfig(), "acme", day(2)) == ""


def test_what_a_kept_row_went_on_from_is_named_when_it_is_gone(ledger):
    assert gone.beside(ledger, "acme", day(9), signals_kept=True) == []
    remove_old_rows(ledger, CompanyConfig().retention, day(9) + timedelta(days=120))
    signals, reading = gone.beside(ledger, "acme", day(9), signals_kept=False)
    assert "keeps for 35 days" in signals
    assert (
        reading
        == "gone: the reading of 2026-11-08, which smoothing went on from; an older one takes its place"
    )


def test_what_nobody_knew_then_and_now_is_no_difference():
    """The ledger gives None, pandas gives NaN, NA and NaT; an onboarding has a score of its own."""
    stored = pd.Series(
        dict.fromkeys(REPLAYED, None) | {"lifecycle_score": 12.0, "review": False}, dtype=object
    )
    again = pd.Series(
        dict.fromkeys(REPLAYED, np.nan)
        | {"score_shown": pd.NA, "lifecycle_score": 12, "review": np.False_, "tier": pd.NaT},
        dtype=object,
    )
    assert _different(stored, again) == []
    again["lifecycle_score"] = 13
    assert _different(stored, again) == ["lifecycle_score: 12.0 was published, 13 comes out now"]
