"""Where a night's time went: the arithmetic of benchmarks.airflow_night, on tasks that were written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from airflow.dag_processing.dagbag import DagBag
from benchmarks.airflow_night import options_of
from benchmarks.daily_chain import STEPS
from benchmarks.task_waits import (
    beside_the_steps,
    by_task,
    covered,
    has_ended,
    night_time,
    step_of,
    tasks_of,
)
from sqlalchemy import create_engine, text

from customer_health_airflow.dag_names import DAY_CHAIN

MIDNIGHT = datetime(2026, 6, 16, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=seconds)


def task(dag_id: str, task_id: str, *seconds: float, **more: Any) -> dict[str, Any]:
    """A task by the seconds after midnight at which it was scheduled, queued, started and ended."""
    moments = dict(zip(("scheduled", "queued", "started", "ended"), map(at, seconds), strict=True))
    usual = {"map_index": -1, "state": "success", "queue": "warehouse", "try_number": 1}
    return {
        "dag_id": dag_id,
        "task_id": task_id,
        **usual,
        "run_state": "success",
        "asked": at(0),
        **moments,
        **more,
    }


@pytest.fixture
def night() -> pd.DataFrame:
    """Two sources that load in turn, a gate, and a delivery beside a task that is no step."""
    return pd.DataFrame(
        [
            task("ingest_sources", "load", 1, 2, 4, 10, map_index=0),
            task("ingest_sources", "load", 1, 10, 11, 15, map_index=1),
            task("ingest_sources", "check_quality", 16, 17, 18, 30),
            task("deliver_effects", "deliver.crm", 31, 32, 34, 40, queue="default"),
            task("deliver_effects", "call_for_report", 31, 32, 38, 43, queue="default"),
        ]
    )


def test_a_wait_lasts_from_scheduled_to_started_and_a_run_from_started_to_ended(night: pd.DataFrame) -> None:
    load = by_task(night).set_index("task_id").loc["load"]
    assert load[["tasks", "wait_s", "queued_s", "run_s"]].tolist() == [2, 3 + 10, 2 + 1, 6 + 4]


def test_a_task_that_was_skipped_before_it_began_has_neither(night: pd.DataFrame) -> None:
    never = task("build_signals", "call_for_training", 1, 1, 1, 1, state="skipped", started=None, ended=None)
    both = pd.concat([night, pd.DataFrame([never])], ignore_index=True)
    table = by_task(both.astype({"started": "datetime64[ns, UTC]", "ended": "datetime64[ns, UTC]"}))
    assert "call_for_training" not in set(table["task_id"])


def test_moments_in_which_two_tasks_ran_count_once(night: pd.DataFrame) -> None:
    spent = night_time(night)
    assert spent.whole == 43
    assert spent.tasks == 6 + 4 + 12 + (43 - 34)
    assert spent.steps == 6 + 4 + 12 + 6
    assert spent.between == 43 - 31
    assert covered([(at(0), at(9)), (at(2), at(3)), (at(8), at(10))]) == 10


def test_steps_stand_beside_what_they_took_as_bare_processes(night: pd.DataFrame) -> None:
    table = beside_the_steps(by_task(night), {"ingest": 5.5, "gate": 11.0}).set_index("step")
    assert table.loc["ingest", ["run_s", "alone_s"]].tolist() == [10, 5.5]
    assert table.loc["gate", ["run_s", "alone_s"]].tolist() == [12, 11.0]
    assert table["alone_s"].isna()["deliver"]


def test_a_night_has_ended_when_its_last_dag_is_there_and_all_is_well(night: pd.DataFrame) -> None:
    assert has_ended(night, "deliver_effects")
    assert not has_ended(night[night["dag_id"] != "deliver_effects"], "deliver_effects")
    assert not has_ended(night.assign(state=["running", *["success"] * 4]), "deliver_effects")
    assert not has_ended(night.assign(run_state="running"), "deliver_effects")
    with pytest.raises(SystemExit, match=r"ingest_sources\.load"):
        has_ended(night.assign(state=["failed", *["success"] * 4]), "deliver_effects")


def test_every_step_of_the_chain_has_a_task_in_the_dags(dagbag: DagBag) -> None:
    steps = [step_of(name) for dag in DAY_CHAIN for name in dagbag.dags[dag].task_ids]
    assert {step for step in steps if step} == set(STEPS)


def test_moments_are_read_from_the_database_of_one_day_only(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/airflow.db").begin() as connection:
        connection.execute(text("CREATE TABLE dag_run (dag_id, run_id, partition_key, queued_at, state)"))
        connection.execute(
            text(
                "CREATE TABLE task_instance (dag_id, run_id, task_id, map_index, state, queue, try_number,"
                " scheduled_dttm, queued_dttm, start_date, end_date)"
            )
        )
        for key in ("2026-06-15", "2026-06-16"):
            run = {"run": f"night__{key}", "key": key}
            connection.execute(
                text("INSERT INTO dag_run VALUES ('a', :run, :key, '2026-06-16 00:00:00', 'success')"), run
            )
            connection.execute(
                text(
                    "INSERT INTO task_instance VALUES ('a', :run, 'load', 0, 'success', 'default', 1,"
                    " '2026-06-16 00:00:01', '2026-06-16 00:00:02', '2026-06-16 00:00:04', NULL)"
                ),
                run,
            )
        tasks = tasks_of(connection, "2026-06-16")
    assert len(tasks) == 1
    assert tasks["started"].iloc[0] - tasks["scheduled"].iloc[0] == timedelta(seconds=3)
    assert by_task(tasks).empty


def test_the_benchmark_takes_nights_of_one_or_two_workers(capsys: pytest.CaptureFixture[str]) -> None:
    assert options_of(["--workers", "1,2"]).workers == [1, 2]
    assert options_of([]).workers == [1, 1, 2]
    for wrong in ("three", "3", ""):
        with pytest.raises(SystemExit):
            options_of(["--workers", wrong])
        assert "--workers" in capsys.readouterr().err
