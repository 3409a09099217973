"""One account's absurd data cost that account a signal, and nobody else anything."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime

import pandas as pd
import pytest
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.world import World

from customer_health.signals.catalogue import CATALOGUE
from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES

AS_OF = ("2026-02-01", "2026-04-10")
ABSURD_NUMBERS = (float("inf"), float("-inf"), float("nan"), 1e308, -1e308)
ABSURD_MOMENTS = (datetime(1, 1, 1), datetime(1969, 12, 31), datetime(9999, 12, 30))  # noqa: DTZ001 as in raw
SICK = "b"


def sickened(world: RandomWorld, numbers: tuple[float, ...], moments: tuple[datetime, ...]) -> RandomWorld:
    """The same world with nonsense in every number, or every date, of one account."""
    sick = deepcopy(world)
    for name, rows in sick.rows.items():
        columns = TABLES[name].columns
        for position, row in enumerate(row for row in rows if row["account_id"] == SICK):
            for column, spec in columns.items():
                if row.get(column) is None or column == "known_at":
                    continue
                if spec.type is Type.NUMBER and numbers:
                    row[column] = numbers[position % len(numbers)]
                if spec.type in (Type.TIMESTAMP, Type.DATE) and moments:
                    row[column] = moments[position % len(moments)]
    return sick


def others(panel: pd.DataFrame) -> pd.DataFrame:
    return panel[panel["account_id"] != SICK].reset_index(drop=True)


# Worlds in which others write, too: where only the sick account does, its leaving silences a source for all.
@pytest.mark.parametrize("seed", [12, 21])
@pytest.mark.parametrize(("numbers", "moments"), [(ABSURD_NUMBERS, ()), ((), ABSURD_MOMENTS)])
def test_nonsense_of_one_account_changes_no_other_signal(
    seed: int, numbers: tuple[float, ...], moments: tuple[datetime, ...]
) -> None:
    """Every table, every number or date, the whole catalogue: the others stay as they were, to the byte."""
    world = RandomWorld(seed)
    for row in world.rows["accounts"]:
        row["merged_into"] = None  # a merged account shares the fate of the survivor
    healthy = world.panel(*AS_OF)
    sick = sickened(world, numbers, moments).panel(*AS_OF)

    pd.testing.assert_frame_equal(others(sick), others(healthy), check_exact=True)
    values = sick[list(CATALOGUE)].to_numpy(dtype=float)
    assert not pd.isna(values).all()
    assert not (abs(values) == float("inf")).any()


def test_a_customer_since_the_year_one_is_still_a_customer() -> None:
    world = World()
    world.contract("acme", occurred=datetime(1, 1, 1), ends=date(9999, 12, 31))  # noqa: DTZ001 as in raw
    world.nps("acme", score=3, occurred="2026-02-01")
    row = world.signals("2026-03-01").loc["acme"]
    assert row["is_customer"]
    assert row["recent_nps"] == 3


def test_a_world_has_sick_rows_in_every_table() -> None:
    """The test above would prove little if the sick account had no facts."""
    world = RandomWorld(4)
    tables = {name for name, rows in world.rows.items() if any(row["account_id"] == SICK for row in rows)}
    assert len(tables) >= 8
    assert FIRST.year == 2025
