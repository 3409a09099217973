"""One meaning on every warehouse: equal numbers where one runs here, sound SQL where none does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.lib.signals_postgres import fill, postgres
from tests.lib.signals_random import FIRST, RandomWorld

from customer_health.company import CompanyConfig
from customer_health.signals.build import build_panel, panel_of
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.reduction import reduce_warehouse
from customer_health.signals.state import Columns
from customer_health.signals.warehouse_postgres import PostgresWarehouse
from customer_health.signals.warehouse_tables import Warehouse, compile_sql

SIGNALS = tuple(CATALOGUE.values())
DATES = [FIRST.date() + timedelta(days=n) for n in (20, 95, 180, 230)]
CONFIG = CompanyConfig.model_validate(
    {"usage": {"core_actions": {"Pro": ["report"], "default": ["export"]}, "power_user_days": 3}}
)
DIALECTS = ("postgres", "snowflake", "bigquery", "databricks", "trino")


def test_a_real_postgres_gives_the_numbers_of_duckdb(tmp_path: Path) -> None:
    with postgres(tmp_path / "pg") as connection:
        for seed in (1, 7, 19):
            world = RandomWorld(seed)
            fill(connection, world.rows)
            reduced = reduce_warehouse(PostgresWarehouse(connection), CONFIG, SIGNALS)
            ours = panel_of(reduced, CONFIG, DATES, SIGNALS)
            pd.testing.assert_frame_equal(
                ours, build_panel(world.connect(), CONFIG, DATES, signals=SIGNALS), rtol=1e-9
            )


def test_postgres_keeps_its_state_and_adds_a_load_to_it(tmp_path: Path) -> None:
    world = RandomWorld(5)
    with postgres(tmp_path / "pg") as connection:
        for number, row in enumerate(world.rows["usage"]):
            row["_load_id"] = "1" if number % 3 else "2"
        early = dict(world.rows, usage=[row for row in world.rows["usage"] if row["_load_id"] == "1"])
        for rows in (early, world.rows):
            fill(connection, rows)
            reduced = reduce_warehouse(
                PostgresWarehouse(connection), CONFIG, SIGNALS, state_dir=tmp_path / "state"
            )
        ours = panel_of(reduced, CONFIG, DATES, SIGNALS)
    pd.testing.assert_frame_equal(
        ours, build_panel(world.connect(), CONFIG, DATES, signals=SIGNALS), rtol=1e-9
    )


class Recording(Warehouse):
    """Runs on DuckDB and keeps every query that a portable reduction asks."""

    streams = False

    def __init__(self, con: Any) -> None:
        super().__init__(con)
        self.asked: list[Any] = []

    def fetch(self, expression: Any) -> Columns:
        self.asked.append(expression.op())
        return super().fetch(expression)


@pytest.fixture(scope="module")
def asked() -> list[Any]:
    """Every query of the whole catalogue."""
    warehouse = Recording(RandomWorld(1).connect())
    reduce_warehouse(warehouse, CONFIG, SIGNALS)
    return warehouse.asked


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_reduction_compiles_for_every_warehouse(asked: list[Any], dialect: str) -> None:
    assert len(asked) > 10
    for operation in asked:
        assert "SELECT" in compile_sql(operation, dialect).upper()


# What each engine silently lacks, or understands in another way than the rest.
TRAPS = {
    "ASOF JOIN": "only some engines have it; others accept the text and fail when it runs",
    "MEDIAN": "BigQuery and Trino have none",
    "PERCENTILE": "BigQuery and Trino have none",
    "GENERATE_SERIES": "ranges are spelt differently everywhere",
    "UNNEST": "ranges are spelt differently everywhere",
    "REGEXP": "engines disagree on what a word boundary is; titles are matched in Python",
    " OVER (": "windows over usage would sort the one large table",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_query_uses_what_an_engine_lacks(asked: list[Any], dialect: str) -> None:
    text = "\n".join(compile_sql(operation, dialect) for operation in asked).upper()
    assert [trap for trap in TRAPS if trap in text] == []
