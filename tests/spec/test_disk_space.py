"""A disk that is nearly full stops a step before it begins, in words."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from customer_health.store_faults import StoreFullError
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.disk_space import LEAST

Usage = namedtuple("Usage", "total used free")


def test_a_step_that_writes_stops_before_the_disk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"duckdb:///{tmp_path}/warehouse.duckdb"
    with open_warehouse(url) as con:
        con.execute("CREATE TABLE raw.kept AS SELECT 1 AS a")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10 * LEAST, 9 * LEAST, LEAST - 1))
    with pytest.raises(StoreFullError, match="nearly full") as stop, open_warehouse(url):
        pytest.fail("the step began")
    assert "retain" in stop.value.hint
    with open_warehouse(url, read_only=True) as con:  # who only reads needs no room
        assert con.execute("SELECT a FROM raw.kept").fetchall() == [(1,)]
    monkeypatch.undo()
    with open_warehouse(url) as con:
        assert con.execute("SELECT a FROM raw.kept").fetchall() == [(1,)]


def test_a_large_warehouse_needs_a_tenth_of_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from customer_health.warehouse.disk_space import require_room

    path = tmp_path / "warehouse.duckdb"
    with path.open("wb") as file:
        file.truncate(50 * LEAST)  # sparse
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 5 * LEAST - 1))
    with pytest.raises(StoreFullError, match="1,000 MB are needed"):
        require_room(path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 5 * LEAST))
    require_room(path)
