"""Kept state is a shortcut, never another answer: increments, ranges and restarts give the same panel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.world import World, create_raw_tables, insert, moment

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel, panel_of
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.state.reduction import reduce_warehouse
from customer_health.signals.state.table_reader import Warehouse
from customer_health.signals.usage import reduction_usage

SIGNALS = tuple(CATALOGUE.values())
DATES = [FIRST.date() + timedelta(days=n) for n in (20, 95, 180, 230)]
CONFIG = CompanyConfig.model_validate(
    {"usage": {"core_actions": {"Pro": ["report"], "default": ["export"]}, "power_user_days": 3}}
)
GENERATE = (Phase.explicit, Phase.generate)
KNOWN = {"occurred_at": moment("2020-01-01"), "known_at": moment("2020-01-01")}
SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def loaded(world: World, con: duckdb.DuckDBPyConnection, load: str, since: date, until: date) -> None:
    """Insert what became known in [since, until) as one load."""
    for table, rows in world.rows.items():
        mine = [row | {"_load_id": load} for row in rows if since <= row["known_at"].date() < until]
        if mine:
            insert(con, table, mine)


@settings(max_examples=4, phases=GENERATE, suppress_health_check=SLOW, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(30, 200), again=st.integers(1, 90))
def test_daily_increments_give_what_a_rebuild_gives(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int, again: int
) -> None:
    """Three loads, with late rows, new accounts and new features in the later ones."""
    world, folder = RandomWorld(seed), tmp_path_factory.mktemp("state")
    con = duckdb.connect()
    create_raw_tables(con)
    ends = [
        date(1990, 1, 1),
        *(FIRST.date() + timedelta(days=n) for n in (cut, cut + again)),
        date(2100, 1, 1),
    ]
    for number, (since, until) in enumerate(pairwise(ends)):
        loaded(world, con, str(number), since, until)
        kept = build_panel(con, CONFIG, DATES, signals=SIGNALS, state_dir=folder)
        same(kept, build_panel(con, CONFIG, DATES, signals=SIGNALS))
    con.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...] | None]:
    """The loads of every read of raw usage, None for all of them."""
    seen: list[tuple[str, ...] | None] = []
    original = Warehouse.scan_usage

    def counted(self: Warehouse, loads: Any, days: Any) -> Iterator[Any]:
        seen.append(None if loads is None else tuple(loads))
        return original(self, loads, days)

    monkeypatch.setattr(Warehouse, "scan_usage", counted)
    return seen


def two_loads(world: World) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    create_raw_tables(con)
    loaded(world, con, "1", date(1990, 1, 1), date(2026, 2, 1))
    return con


def a_world() -> World:
    world = World(CONFIG)
    for account in ("acme", "zeta"):
        world.daily_usage(account, first="2026-01-01", last="2026-02-20", feature="report")
    return world


def test_a_daily_run_reads_only_the_new_load(tmp_path: Path, reads: list[Any]) -> None:
    world, day = a_world(), [date(2026, 2, 21)]
    con = two_loads(world)
    build_panel(con, CONFIG, day, state_dir=tmp_path)
    loaded(world, con, "2", date(2026, 2, 1), date(2100, 1, 1))
    panel = build_panel(con, CONFIG, day, state_dir=tmp_path)
    build_panel(con, CONFIG, day, state_dir=tmp_path)

    assert reads == [None, ("2",)]
    assert panel["active_days_28d"].tolist() == [28, 28]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM raw.usage WHERE occurred_at = DATE '2026-01-20'",
        "UPDATE raw.accounts SET merged_into = 'acme' WHERE account_id = 'zeta'",
        "DELETE FROM raw.accounts WHERE account_id = 'acme'",
    ],
)
def test_what_is_more_than_a_new_load_is_rebuilt(tmp_path: Path, reads: list[Any], change: str) -> None:
    """Rows that went, and accounts that merged or went, touch what was reduced before."""
    con, day = two_loads(a_world()), [date(2026, 2, 1)]
    build_panel(con, CONFIG, day, state_dir=tmp_path)
    con.execute(change).fetchall()
    kept = build_panel(con, CONFIG, day, state_dir=tmp_path)

    assert reads == [None, None]
    same(kept, build_panel(con, CONFIG, day))


def test_usage_that_came_before_its_account_is_not_forgotten(tmp_path: Path) -> None:
    con, day = two_loads(a_world()), [date(2026, 2, 1)]
    con.execute("CREATE TABLE later AS FROM raw.accounts WHERE account_id = 'zeta'").fetchall()
    con.execute("DELETE FROM raw.accounts WHERE account_id = 'zeta'").fetchall()
    build_panel(con, CONFIG, day, state_dir=tmp_path)
    con.execute("INSERT INTO raw.accounts FROM later").fetchall()

    assert build_panel(con, CONFIG, day, state_dir=tmp_path)["active_days_28d"].tolist() == [28, 28]


def test_other_core_actions_are_counted_from_the_raw_rows(tmp_path: Path, reads: list[Any]) -> None:
    con, day = two_loads(a_world()), [date(2026, 2, 1)]
    build_panel(con, CONFIG, day, state_dir=tmp_path)
    other = CompanyConfig.model_validate({"usage": {"core_actions": {"default": ["report"]}}})
    panel = build_panel(con, other, day, state_dir=tmp_path)

    assert len(reads) == 2
    assert panel["core_actions_per_user_30d"].tolist() == [30, 30]


@settings(max_examples=3, phases=GENERATE, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_memory_is_bounded_without_changing_a_number(seed: int) -> None:
    """Two accounts at a time, two months of account-days at a time, one date at a time: all the same."""
    world = RandomWorld(seed)
    con = world.connect()
    whole = build_panel(con, CONFIG, DATES, signals=SIGNALS)
    reduced = reduce_warehouse(Warehouse(con), CONFIG, SIGNALS)
    same(panel_of(reduced, CONFIG, DATES, SIGNALS, accounts_at_once=2), whole)
    for day in DATES:
        mine = whole[whole["as_of"] == pd.Timestamp(day)].reset_index(drop=True)
        alone = build_panel(con, CONFIG, [day], signals=SIGNALS)
        pd.testing.assert_frame_equal(alone, mine, check_exact=True)  # to the bit: a back-fill repeats a day
    cells, usage_scan_cells = reduction_usage.MAX_CELLS, 63 * len(world.names)
    reduction_usage.MAX_CELLS = usage_scan_cells
    try:
        same(build_panel(con, CONFIG, DATES, signals=SIGNALS), whole)
    finally:
        reduction_usage.MAX_CELLS = cells


class Grouping(Warehouse):
    """A warehouse that cannot stream: usage is grouped by its queries."""

    streams = False


@settings(max_examples=3, phases=GENERATE, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_grouping_queries_and_the_scan_agree(seed: int) -> None:
    con = RandomWorld(seed, dated=True).connect()
    grouped = build_panel(con, CONFIG, DATES, signals=SIGNALS, warehouse=Grouping(con))
    same(grouped, build_panel(con, CONFIG, DATES, signals=SIGNALS))


def test_one_row_among_many_accounts_is_found() -> None:
    world = World()
    for number in range(60):
        world.account(f"quiet-{number}")
    world.usage("acme", occurred="2026-02-20")
    assert world.signals("2026-03-01")["active_users_28d"].to_dict()["acme"] == 1


def test_many_features_need_several_mask_words() -> None:
    """The 64th feature is met in the middle of a batch."""
    world = World()
    for number in range(130):
        world.usage("acme", occurred="2026-02-20", feature=f"f{number}")
        world.usage("zeta", occurred="2026-02-21", feature="f7")
    panel = world.signals("2026-03-01")
    assert panel["feature_adoption_score"].to_dict() == {"acme": 1, "zeta": pytest.approx(1 / 130)}


def test_a_poisoned_account_makes_nobody_else_unknown() -> None:
    world = World()
    for account, events in (("acme", 2.0), ("poison", 1e308), ("worse", float("inf")), ("zeta", 2.0)):
        world.daily_usage(account, first="2026-01-01", last="2026-02-28", events=events)
    panel = world.signals("2026-03-01")

    assert panel["usage_delta_28d"][["acme", "zeta"]].tolist() == [0, 0]
    assert panel["usage_delta_28d"].isna()[["poison", "worse"]].all()
    assert panel["active_users_28d"].tolist() == [1, 1, 1, 1]


def test_the_same_run_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    con = RandomWorld(3).connect()
    frames = [build_panel(con, CONFIG, DATES, signals=SIGNALS) for _ in range(2)]
    files = [tmp_path / f"{number}.parquet" for number in range(2)]
    for frame, file in zip(frames, files, strict=True):
        frame.to_parquet(file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_warehouse_with_little_memory_gives_the_same_panel(tmp_path: Path) -> None:
    """24 MB for 150,000 rows are enough: streamed or grouped by queries, nothing fails or differs."""
    con = duckdb.connect(str(tmp_path / "small.duckdb"))
    create_raw_tables(con)
    for number in range(50):
        insert(con, "accounts", [{"account_id": f"a{number:02d}", **KNOWN, "_load_id": "1"}])
    con.execute(
        "INSERT INTO raw.usage BY NAME SELECT 'a' || lpad((n % 50)::VARCHAR, 2, '0') AS account_id, "
        "'user ' || (n * 7919 % 3000) AS user_id, 'report ' || (n % 9) AS feature, 1.0 AS events, "
        "DATE '2025-09-01' + (n % 199)::INT AS occurred_at, occurred_at::TIMESTAMP AS known_at, "
        "'1' AS _load_id, n AS _row FROM range(150000) t(n)"
    ).fetchall()
    whole = build_panel(con, CONFIG, DATES, signals=SIGNALS)
    con.execute("CHECKPOINT").fetchall()
    con.execute("SET threads = 1").fetchall()
    con.execute(f"SET temp_directory = '{tmp_path / 'spill'}'").fetchall()
    con.execute("SET memory_limit = '24MB'").fetchall()
    for kind in (Warehouse, Grouping):
        reduced = reduce_warehouse(kind(con), CONFIG, SIGNALS, state_dir=tmp_path / kind.__name__)
        same(panel_of(reduced, CONFIG, DATES, SIGNALS), whole)
    con.close()
