"""Companies of other kinds: other customers, other reasons to leave, and the same rules of life."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.lib.oracle import true_probabilities, true_probability

from customer_health.errors import ConfigurationError
from customer_health.simulator.behaviour import LOGO, MONTHLY, risk_index
from customer_health.simulator.canonical_exports import write_tables
from customer_health.simulator.company_kinds import KINDS, STANDARD
from customer_health.simulator.world import World, simulate

MONDAY = date(2024, 1, 1)


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return {kind: simulate(5, 1500, 110, start=MONDAY, kind=kind) for kind in KINDS}


def test_every_kind_loses_enough_customers_to_learn_from(worlds: dict[str, World]) -> None:
    for world in worlds.values():
        years = sum(world.customers(world.day(week)).sum() for week in range(110)) / 52
        assert 0.03 < (world.events == LOGO).sum() / years < 0.25


def test_a_self_service_company_has_small_customers_by_the_month(worlds: dict[str, World]) -> None:
    small, usual = worlds["self_service"], worlds[STANDARD]
    assert (small.accounts.term == MONTHLY).mean() > 0.5 > (usual.accounts.term == MONTHLY).mean()
    assert np.median(small.history["seats"][0]) < 4 < np.median(usual.history["seats"][0])


def test_where_only_the_calendar_decides_customers_hardly_differ(worlds: dict[str, World]) -> None:
    spread = {kind: risk_index(world.accounts, world.state(60)).std() for kind, world in worlds.items()}
    assert spread["calendar"] < 0.3 < 0.6 < min(spread[kind] for kind in KINDS if kind != "calendar")


def test_the_effects_of_one_kind_differ_between_its_companies() -> None:
    sizes = {simulate(seed, 5, 1, start=MONDAY, kind="enterprise").accounts.effects for seed in range(4)}
    assert len(sizes) == 4


def test_a_kind_that_does_not_exist_is_refused_with_the_one_meant() -> None:
    with pytest.raises(ConfigurationError, match="self_servis") as refused:
        simulate(1, 10, 5, start=MONDAY, kind="self_servis")
    assert "self_service" in refused.value.hint


def test_two_kinds_do_not_mix_in_one_folder_and_older_folders_are_standard(tmp_path: Path) -> None:
    through = date(2024, 2, 1)
    write_tables(tmp_path, start=MONDAY, through=through, accounts=60)
    manifest = tmp_path / "simulation.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(',\n  "kind": "standard"', ""))
    assert "kind" not in manifest.read_text(encoding="utf-8")
    write_tables(tmp_path, start=MONDAY, through=through, accounts=60)
    with pytest.raises(ConfigurationError, match="another simulated company"):
        write_tables(tmp_path, start=MONDAY, through=through, accounts=60, kind="calendar")


def test_the_oracle_answers_for_a_window_of_each_account_s_own(worlds: dict[str, World]) -> None:
    """Exactly what it answers when that window is asked for everybody."""
    world, day = worlds[STANDARD], date(2025, 6, 2)
    short, long = (true_probability(world, day, days, paths=4) for days in (120, 200))
    windows = short.rename("days").mul(0).add(120)
    windows.iloc[::2] = 200
    mixed = true_probabilities(world, day, {"own": windows, "p120": 120}, paths=4)
    assert np.allclose(mixed["own"].iloc[::2], long.iloc[::2])
    assert np.allclose(mixed["own"].iloc[1::2], short.iloc[1::2])
    assert np.allclose(mixed["p120"], short)
