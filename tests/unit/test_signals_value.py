"""Which connector is worth fixing first, and for whom."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.lib.world import World

from customer_health.signals.signal_sources import coverage_by_segment, groups_of


@pytest.fixture
def panel() -> pd.DataFrame:
    world = World()
    world.account("acme", segment="smb")
    world.account("zeta", segment="enterprise")
    world.nps("acme", score=0, occurred="2026-01-10")
    world.ticket("acme", occurred="2026-01-10")
    return world.panel("2026-03-01")


def test_a_source_falls_with_every_signal_that_reads_it(panel: pd.DataFrame) -> None:
    groups = {(kind, name): hidden for kind, name, hidden in groups_of(panel.columns)}

    assert "recent_nps" in groups["source", "surveys"]
    assert "recent_nps" in groups["concept", "sentiment"]
    assert groups["signal", "recent_nps"] == ("recent_nps",)
    assert "recent_nps" not in groups["source", "tickets"]
    assert ("signal", "open_tickets") in groups
    assert groups_of(["account_id"]) == []


def test_coverage_tells_for_whom_a_source_is_missing(panel: pd.DataFrame) -> None:
    found = coverage_by_segment(panel)
    assert found["surveys"]["smb"] > found["surveys"]["enterprise"]
    assert found["usage"]["smb"] == 0


def test_an_evergreen_customer_lacks_no_signal_about_the_end_of_a_term() -> None:
    world = World()
    world.account("acme", segment="smb")
    world.contract("acme", ends=None)
    panel = world.panel("2026-03-01")
    nobody = panel.assign(is_customer=False)
    assert panel["term_days"].isna().all()
    assert coverage_by_segment(panel)["contracts"]["smb"] > coverage_by_segment(nobody)["contracts"]["smb"]
