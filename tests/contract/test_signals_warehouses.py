"""One meaning on every warehouse: equal numbers where one runs here, sound SQL where none does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.lib.signals_postgres import fill, postgres
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.signals_sql import CONFIG, DIALECTS, SIGNALS, asked_of_every_warehouse, in_schema, snapshot
from tests.lib.world import World

from customer_health.remote.company_warehouse import PostgresSource
from customer_health.remote.remote_usage import RemoteWarehouse
from customer_health.signals.build_panel import build_panel, panel_of
from customer_health.signals.state.reduction import reduce_warehouse
from customer_health.signals.state.table_reader import compile_sql


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Postgres for all tests; each fills its schema anew."""
    with postgres(tmp_path_factory.mktemp("pg") / "data") as opened:
        yield opened


DATES = [FIRST.date() + timedelta(days=n) for n in (20, 95, 180, 230)]


@pytest.mark.parametrize("seed", [1, 7, 19])
def test_a_real_postgres_gives_the_numbers_of_duckdb(connection: Any, seed: int) -> None:
    """Before and after mergers, too."""
    world = RandomWorld(seed, dated=True)
    world.rows["accounts"][0] |= {"merged_into": world.names[-1], "merged_at": world.when()}
    fill(connection, world.rows)
    warehouse, con = RemoteWarehouse(PostgresSource(connection), in_schema("raw")), world.connect()
    ours = build_panel(con, CONFIG, DATES, signals=SIGNALS, warehouse=warehouse)
    pd.testing.assert_frame_equal(ours, build_panel(con, CONFIG, DATES, signals=SIGNALS), rtol=1e-9)


class Counting(RemoteWarehouse):
    """Remembers which parts of usage were read."""

    read: list[Any]

    def raw(self, name: str, loads: Any = None) -> Any:
        if name == "usage":
            self.read = [*getattr(self, "read", []), loads]
        return super().raw(name, loads)


def test_only_days_that_are_over_are_kept_and_a_day_that_changed_is_read_again(
    connection: Any, tmp_path: Path
) -> None:
    """The state grows by the days since the last run; a correction of the past builds it anew."""
    world, cut = RandomWorld(7), FIRST.date() + timedelta(days=120)
    early = dict(world.rows, usage=[row for row in world.rows["usage"] if row["known_at"].date() <= cut])
    corrected = dict(world.rows, usage=[dict(row) for row in world.rows["usage"]])
    corrected["usage"][0]["events"] += 3
    read, signals = [], tuple(signal for signal in SIGNALS if signal.table == "usage")
    for rows, as_of in ((early, cut), (world.rows, DATES[-1]), (corrected, DATES[-1])):
        fill(connection, rows)
        warehouse = Counting(PostgresSource(connection), in_schema("raw"), until=as_of)
        reduced = reduce_warehouse(warehouse, CONFIG, signals, state_dir=tmp_path)
        read.append(next((loads for loads in warehouse.read if loads is not None), None))
        days = [day for day in DATES if day <= as_of]
        truth = World()
        truth.rows = rows
        pd.testing.assert_frame_equal(
            panel_of(reduced, CONFIG, days, signals),
            build_panel(truth.connect(), CONFIG, days, signals=signals),
            rtol=1e-9,
        )
    assert read[0] is None
    assert read[1]
    assert len(read[1]) < len({row["known_at"].date() for row in world.rows["usage"]})
    assert read[2] is None


def test_filling_in_an_older_day_keeps_the_state(connection: Any) -> None:
    fill(connection, RandomWorld(3).rows)
    source = PostgresSource(connection)
    newest, older = (
        RemoteWarehouse(source, in_schema("raw"), until=day).loads("usage")[1]
        for day in (DATES[-1] + timedelta(days=99), date(2025, 9, 5))
    )
    # All but the newest day there, which may not be over: nothing that was kept has to go.
    days = sorted(int(load.split(":")[0]) for load in newest)
    assert sorted(int(load.split(":")[0]) for load in older) == days[:-1]


@pytest.fixture(scope="module")
def asked() -> list[Any]:
    """Every query of the whole catalogue."""
    return asked_of_every_warehouse()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_reduction_compiles_for_every_warehouse_to_the_sql_that_was_reviewed(
    asked: list[Any], dialect: str
) -> None:
    """After a change on purpose: `python -m tests.lib.signals_sql` writes the files anew; read the diff."""
    assert len(asked) > 10
    path, text = snapshot(dialect, asked)
    assert path.exists(), "Write it: python -m tests.lib.signals_sql"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} is of another version of the queries"


# What each engine silently lacks, or understands in another way than the rest.
TRAPS = {
    "ASOF JOIN": "only some engines have it; others accept the text and fail when it runs",
    "MEDIAN": "BigQuery and Trino have none",
    "PERCENTILE": "BigQuery and Trino have none",
    "GENERATE_SERIES": "ranges are spelt differently everywhere",
    "UNNEST": "ranges are spelt differently everywhere",
    "SEQUENCE(": "ranges are spelt differently everywhere",
    "REGEXP": "engines disagree on what a word boundary is; titles are matched in Python",
    "REGR_SLOPE": "an engine's own; slopes are computed from sums, in one place",
    "HASH(": "engines do not agree on one; texts are hashed in Python",
    " OVER (": "windows over usage would sort the one large table",
    "APPROX": "an estimate is not equal anywhere",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_query_uses_what_an_engine_lacks(asked: list[Any], dialect: str) -> None:
    text = "\n".join(compile_sql(operation, dialect) for operation in asked).upper()
    assert [trap for trap in TRAPS if trap in text] == []


def test_nothing_is_divided_by_what_spark_reads_as_a_decimal(asked: list[Any]) -> None:
    """Spark reads 3600.0 as DECIMAL and rounds: an error of 4e-7 in what should be equal."""
    text = "\n".join(compile_sql(operation, "databricks") for operation in asked)
    assert re.findall(r"[/*%] \d+\.\d+", text) == []


def test_moments_are_read_without_a_zone(asked: list[Any]) -> None:
    """A session's own zone must not shift facts over midnight; see docs/warehouses.md."""
    for dialect in DIALECTS:
        text = "\n".join(compile_sql(operation, dialect) for operation in asked).upper()
        assert "CURRENT_" not in text
        assert "AT TIME ZONE" not in text
