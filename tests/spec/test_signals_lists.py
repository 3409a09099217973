"""A misspelt core action is told, and does not silently become an unknown signal for everybody."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tests.lib.world import World

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_and_check

AS_OF = date(2026, 3, 1)


def told(usage: dict[str, Any], state: Path | None = None, *, used: bool = True) -> list[str]:
    """What is found about the lists."""
    world = World(CompanyConfig.model_validate({"usage": usage}))
    world.contract("acme")
    if used:
        world.daily_usage("acme", first="2026-01-01", last="2026-02-28", feature="export")
    con = world.connect()
    _, findings = build_and_check(con, world.config, [AS_OF], state_dir=state)
    con.close()
    return [finding.sentence for finding in findings if finding.check == "unknown_feature"]


def test_a_listed_feature_that_nobody_ever_used_is_named_with_its_list(tmp_path: Path) -> None:
    lists = {"core_actions": {"Pro": ["exprt", "export"]}, "key_features": {"default": ["export"]}}
    for _ in range(2):  # also from kept state
        (sentence,) = told(lists, tmp_path)
        assert "usage.core_actions (Pro) lists 'exprt', which no usage row has ever had" in sentence


def test_lists_that_fit_the_data_are_not_mentioned() -> None:
    assert told({"core_actions": {"default": ["export"]}}) == []
    assert told({}) == []


def test_without_any_usage_the_lists_are_not_to_blame() -> None:
    assert told({"core_actions": {"default": ["export"]}}, used=False) == []
