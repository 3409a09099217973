"""The simulated company's files, as a loader sees them."""

from __future__ import annotations

import atexit
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from customer_health.simulator.canonical_exports import write_tables
from customer_health.warehouse.tables import TABLES

START = date(2024, 1, 1)
THROUGH = date(2025, 2, 12)  # a Wednesday: the last week is unfinished
ACCOUNTS = 220


def write(folder: Path, through: date = THROUGH, accounts: int = ACCOUNTS) -> dict[str, list[Path]]:
    """Write the test company up to a date."""
    return write_tables(folder, start=START, through=through, accounts=accounts, seed=11)


@cache
def shared() -> dict[str, list[Path]]:
    """Return the test company's files, written once for all tests; nobody may change them."""
    folder = TemporaryDirectory(prefix="company")
    atexit.register(folder.cleanup)
    return write(Path(folder.name))


def merged(files: dict[str, list[Path]], table: str) -> pd.DataFrame:
    """Read a table as a loader would: of several rows with one key the latest file's is right."""
    if not files[table]:  # the simulated company writes no such table
        return pd.DataFrame(columns=list(TABLES[table].columns))
    rows = pd.concat([pd.read_parquet(path) for path in files[table]], ignore_index=True)
    key = list(TABLES[table].key)
    return rows.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)
