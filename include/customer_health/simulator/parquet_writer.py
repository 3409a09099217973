"""Rows to Parquet: the contract's types, zstd, and a file that is complete or absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.warehouse.table import Table, Type

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a canonical file: dates as DATE, moments as naive UTC microseconds."""
    import pyarrow as pa

    types = {
        Type.TEXT: pa.string(),
        Type.INTEGER: pa.int64(),
        Type.NUMBER: pa.float64(),
        Type.BOOLEAN: pa.bool_(),
        Type.DATE: pa.date32(),
        Type.TIMESTAMP: pa.timestamp("us"),
    }
    return pa.schema([(name, types[table.columns[name].type]) for name in table.delivered])


def write_frame(path: Path, table: Table, rows: pd.DataFrame) -> None:
    """Write rows that have the contract's columns."""
    import pyarrow as pa

    columns = []
    for field in arrow_schema(table):
        values = pa.Array.from_pandas(rows[field.name])
        columns.append(values.cast(field.type) if values.type != field.type else values)
    write_arrow(path, pa.table(columns, schema=arrow_schema(table)))


def write_arrow(path: Path, data: pa.Table) -> None:
    """Write a table under another name first, so that a file that exists is a whole one."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(data, partial, compression="zstd", store_schema=False)
    os.replace(partial, path)
