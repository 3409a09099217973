"""Let dlt merge small files into raw.*, each in place of what an earlier state of it had left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

PIPELINE = "customer_health_ingest"
_DLT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    # Where Airflow is installed dlt imports it (15 s) to look for secrets, of which there are none here.
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # Its working files would otherwise keep a copy of everything that was ever loaded.
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    # A trace would be pickled.
    "ENABLE_RUNTIME_TRACE": "false",
}


def merge(con: duckdb.DuckDBPyConnection, arriving: Sequence[tuple[str, Any]], state: Path) -> None:
    """Merge Arrow tables into raw.*, replacing the rows of the same files.

    The merge key is the file and not the natural key on purpose: dlt would keep one of several rows with the
    same key without a word, while the gate drops exact copies and quarantines contradictions.
    """
    for name, value in _DLT.items():
        os.environ.setdefault(name, value)
    import dlt

    by_table: dict[str, list[Any]] = {}
    for table, rows in arriving:
        by_table.setdefault(table, []).append(rows)
    pipeline = dlt.pipeline(
        PIPELINE,
        pipelines_dir=str(state),
        # The open connection is lent, so dlt neither opens the one-process file again nor keeps it.
        destination=dlt.destinations.duckdb(con),
        dataset_name="raw",
    )
    pipeline.run(
        [
            dlt.resource(
                tables,
                name=name,
                write_disposition={"disposition": "merge", "strategy": "delete-insert"},
                merge_key=["_source", "_file"],
            )
            for name, tables in by_table.items()
        ],
        # The default, insert_values, costs 13 times the CPU and 11 times the memory.
        loader_file_format="parquet",
    )
    _clear(state / PIPELINE / "load" / "loaded")


def _clear(packages: Path) -> None:
    """Remove what dlt keeps of every load for ever: its schema and state, some 70 KB a night."""
    for package in packages.iterdir() if packages.is_dir() else ():
        shutil.rmtree(package, ignore_errors=True)
