"""What every source must do; a new source joins by one line in SOURCES."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.lib.files import AS_OF, CompanyFiles

from customer_health.settings import Settings
from customer_health.sources.load import ingest
from customer_health.sources.source_registry import names, source_for
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import columns_of
from customer_health.warehouse.tables import TABLES


def _files(folder: Path) -> Settings:
    return CompanyFiles(folder).settings


def _simulated(folder: Path) -> Settings:
    """Canonical Parquet files where the simulated company writes them, without the simulator."""
    mapped = CompanyFiles(folder)
    mapped.ingest()
    home = folder / "simulated"
    with open_warehouse(mapped.settings.warehouse_url, reads=[folder]) as con:
        for name in ("accounts", "contracts", "usage"):
            target = home / "company" / name / "2025-01-01_2026-06-01.parquet"
            target.parent.mkdir(parents=True)
            columns = ", ".join(TABLES[name].columns)
            con.execute(f"COPY (SELECT {columns} FROM raw.{name}) TO '{target}'")
    return Settings(home=home, warehouse_url=f"duckdb:///{home}/w.duckdb", ledger_url="sqlite://")


SOURCES: dict[str, Callable[[Path], Settings]] = {"files": _files, "simulated": _simulated}


@pytest.fixture(params=sorted(SOURCES))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    found = SOURCES[request.param](tmp_path)
    assert names(found) == [request.param]
    return found


def test_every_canonical_table_exists_afterwards_with_the_columns_of_its_contract(settings: Settings) -> None:
    ingest(settings, as_of=AS_OF)
    with open_warehouse(settings.warehouse_url) as con:
        for table in TABLES.values():
            found = columns_of(con, table)
            assert {name: found[name] for name in table.columns} == {
                name: column.type.value for name, column in table.columns.items()
            }


def test_every_row_says_where_it_came_from(settings: Settings) -> None:
    ingest(settings, as_of=AS_OF)
    with open_warehouse(settings.warehouse_url) as con:
        rows = con.execute("SELECT _source, _file, _row, _load_id FROM raw.usage").fetchall()
    assert rows
    assert {row[0] for row in rows} == {source_for(settings).name}
    assert all(None not in row for row in rows)


def test_twice_loads_nothing_twice(settings: Settings) -> None:
    first = ingest(settings, as_of=AS_OF)
    second = ingest(settings, as_of=AS_OF)
    assert first.counts()["new"] == second.counts()["skipped"] == 8
    assert second.counts()["new"] == second.counts()["updated"] == 0


def test_nobody_holds_the_warehouse_afterwards(settings: Settings) -> None:
    ingest(settings, as_of=AS_OF)
    path = settings.warehouse_url.removeprefix("duckdb:///")
    # Another configuration is refused while any connection of this process is open.
    with duckdb.connect(path, config={"threads": 1}) as con:
        assert con.execute("SELECT count(*) FROM raw.accounts").fetchall() == [(3,)]
