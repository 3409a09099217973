"""Small tables are brought up to date account by account, and never to anything but a rebuild's answer."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.world import World, create_raw_tables, insert, moment
from tests.unit.test_signals_state import CONFIG, DATES, GENERATE, SIGNALS, SLOW, loaded, same

from customer_health.signals.build_panel import build_panel
from customer_health.signals.state import increments, reduction
from customer_health.signals.state.daily_state import Columns
from customer_health.signals.state.table_reader import Warehouse

DAY = [date(2026, 3, 1)]
CHANGING = ("tickets", "invoices", "contracts", "surveys", "contacts", "contact_changes", "interactions")


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables that were brought up to date without being read whole."""
    seen: list[str] = []
    original = increments.refreshed

    def counted(warehouse: Any, store: Any, recipe: Any, *rest: Any) -> Any:
        found = original(warehouse, store, recipe, *rest)
        seen.extend([recipe.name] if found is not None else [])
        return found

    monkeypatch.setattr(reduction, "refreshed", counted)
    monkeypatch.setattr(increments, "MOST", 1.0)  # of six accounts, two are already a third
    return seen


def replace_some(con: duckdb.DuckDBPyConnection, dice: random.Random, load: str) -> None:
    """Later states of facts: the old row goes, a row with other stages and numbers comes with a new load."""
    for table in dice.sample(CHANGING, 3):
        rows = con.sql(f"SELECT * FROM raw.{table} ORDER BY ALL").to_arrow_table().to_pylist()
        for row in dice.sample(rows, min(len(rows), dice.randrange(4))):
            key = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in row)
            con.execute(f"DELETE FROM raw.{table} WHERE {key}", list(row.values()))
            for name in ("resolved_at", "paid_at", "title", "score", "arr", "contact_id"):
                if name in row and dice.random() < 0.5 and row[name] is not None:
                    row[name] = {"title": "VP Sales", "contact_id": "p1"}.get(name, row[name])
                    row[name] = row[name] + 1 if isinstance(row[name], float) else row[name]
                elif name in ("resolved_at", "paid_at") and row.get(name, 0) is None:
                    row[name] = row["occurred_at"] + timedelta(days=3)
            if dice.random() < 0.2:
                row["account_id"] = dice.choice("abcdef")  # it was filed under the wrong customer
            spelt = {name: moment(v) if isinstance(v, date) else v for name, v in row.items()}
            insert(con, table, [spelt | {"_load_id": load}] * dice.choice((1, 1, 1, 2)))
        if dice.random() < 0.1:
            con.execute(f"DELETE FROM raw.{table} WHERE _row % 7 = 3")


@settings(max_examples=3, phases=GENERATE, suppress_health_check=SLOW, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_sequence_of_loads_gives_what_a_rebuild_gives(
    tmp_path_factory: pytest.TempPathFactory, refreshed: list[str], seed: int
) -> None:
    """Late rows, corrections, rows filed under another account, copies and deletions, in any order."""
    world, dice, folder = RandomWorld(seed), random.Random(seed), tmp_path_factory.mktemp("state")
    con = duckdb.connect()
    create_raw_tables(con)
    ends = [date(1990, 1, 1), *sorted(FIRST.date() + timedelta(days=dice.randrange(250)) for _ in range(2))]
    for number, since in enumerate(ends):
        until = ends[number + 1] if number + 1 < len(ends) else date(2100, 1, 1)
        loaded(world, con, f"{number}", since, until)
        if number:
            replace_some(con, dice, f"{number}+")
        kept = build_panel(con, CONFIG, DATES, signals=SIGNALS, state_dir=folder)
        same(kept, build_panel(con, CONFIG, DATES, signals=SIGNALS))
    con.close()


def three_customers() -> tuple[World, duckdb.DuckDBPyConnection]:
    world = World(CONFIG)
    for number, account in enumerate(("acme", "beta", "zeta")):
        for month in (1, 2):
            opened = moment(f"2026-0{month}-0{1 + number}")
            world.ticket(account, occurred=opened, priority="critical")
            world.invoice(account, occurred=opened, due_at=opened + timedelta(days=14), amount=100.0)
    con = duckdb.connect()
    create_raw_tables(con)
    loaded(world, con, "1", date(1990, 1, 1), date(2100, 1, 1))
    return world, con


def later_ticket(con: duckdb.DuckDBPyConnection, load: str) -> None:
    """The first ticket of acme comes again, solved."""
    first = con.sql("SELECT * FROM raw.tickets WHERE account_id = 'acme' ORDER BY occurred_at LIMIT 1")
    ticket = first.to_arrow_table().to_pylist()[0]
    con.execute("DELETE FROM raw.tickets WHERE ticket_id = ?", [ticket["ticket_id"]])
    solved = {"resolved_at": moment("2026-02-10"), "_load_id": load}
    insert(con, "tickets", [ticket | solved])


def test_a_ticket_that_was_solved_makes_one_account_read_again(
    tmp_path: Path, refreshed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, con = three_customers()
    build_panel(con, CONFIG, DAY, state_dir=tmp_path)
    rows: list[int] = []
    original = reduction.reduce_facts

    def counted(*arguments: Any) -> Columns:
        found = original(*arguments)
        rows.append(len(found["account"]))
        return found

    monkeypatch.setattr(reduction, "reduce_facts", counted)
    later_ticket(con, "2")
    panel = build_panel(con, CONFIG, DAY, state_dir=tmp_path)

    assert (refreshed, rows) == (["tickets"], [2])  # both tickets of acme; four others were not read
    assert panel["open_critical_tickets"].tolist() == [1, 2, 2]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM raw.tickets WHERE account_id = 'zeta'",
        "UPDATE raw.tickets SET _row = _row + 100, resolved_at = known_at WHERE account_id = 'zeta'",
        "UPDATE raw.accounts SET merged_into = 'acme' WHERE account_id = 'zeta'",
    ],
)
def test_what_changed_behind_the_loads_is_read_again(
    tmp_path: Path, refreshed: list[str], change: str
) -> None:
    """A row that went or changed in place belongs to an account that no load names."""
    _, con = three_customers()
    build_panel(con, CONFIG, DAY, state_dir=tmp_path)
    later_ticket(con, "2")
    con.execute(change).fetchall()
    kept = build_panel(con, CONFIG, DAY, state_dir=tmp_path)

    assert "tickets" not in refreshed
    same(kept, build_panel(con, CONFIG, DAY))


def test_a_damaged_state_is_rebuilt(tmp_path: Path, refreshed: list[str]) -> None:
    _, con = three_customers()
    build_panel(con, CONFIG, DAY, state_dir=tmp_path)
    for file in (tmp_path / "signals" / "tickets.marks").glob("*.npy"):
        file.write_bytes(b"torn")
    later_ticket(con, "2")
    kept = build_panel(con, CONFIG, DAY, state_dir=tmp_path)

    assert "tickets" not in refreshed
    pd.testing.assert_frame_equal(kept, build_panel(con, CONFIG, DAY))
    assert Warehouse(con).sums("tickets") is not None
