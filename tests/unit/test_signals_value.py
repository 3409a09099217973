"""Which connector is worth fixing first, and for whom."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.lib.world import World

from customer_health.signals.value import coverage_by_segment, drop_one


@pytest.fixture
def panel() -> pd.DataFrame:
    world = World()
    world.account("acme", segment="smb")
    world.account("zeta", segment="enterprise")
    world.nps("acme", score=0, occurred="2026-01-10")
    world.ticket("acme", occurred="2026-01-10")
    return world.panel("2026-03-01")


def test_the_source_that_the_model_needs_comes_first(panel: pd.DataFrame) -> None:
    """A model that lives on NPS loses everything without surveys and nothing without tickets."""

    def train(seen: pd.DataFrame) -> float:
        return 0.6 if seen["recent_nps"].notna().any() else 0.2

    found = drop_one(panel, train, signals=["recent_nps", "open_tickets"])

    worth = {(one.kind, one.name): one.loss for one in found}
    assert (found[0].kind, found[0].name) == ("signal", "recent_nps")
    assert worth["source", "surveys"] == pytest.approx(0.4)
    assert worth["source", "tickets"] == worth["signal", "open_tickets"] == 0


def test_coverage_tells_for_whom_a_source_is_missing(panel: pd.DataFrame) -> None:
    found = coverage_by_segment(panel)
    assert found["surveys"]["smb"] > found["surveys"]["enterprise"]
    assert found["usage"]["smb"] == 0
