"""A ledger and a warehouse, empty, for specifications of what is read from both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Engine
from tests.lib.ledger import new_ledger
from tests.lib.world import create_raw_tables

from customer_health.sources import landing


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every raw table, without rows."""
    with duckdb.connect() as con:
        create_raw_tables(con)
        yield con


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Engine]:
    """A ledger at the newest revision."""
    engine = new_ledger(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Land small files the way of large ones, which costs less than dlt: for tests of what cells mean.

    That both ways leave the same rows is held in test_sources_twice.py.
    """
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
