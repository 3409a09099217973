"""The stores are looked after every night, on the worker that has them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

from customer_health.settings import Settings, load_settings
from customer_health_airflow.operators import upkeep_operators
from customer_health_airflow.operators.upkeep_operators import BackUpOperator, RetainOperator

NOW = datetime(2026, 3, 16, 3, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(upkeep_operators, "wall_clock", lambda settings: NOW)
    return load_settings({"CUSTOMER_HEALTH_BACK_UP": str(tmp_path / "kept")}, home=tmp_path / "home")


def test_both_tasks_run_where_the_volume_is_and_a_failed_clean_up_stops_no_back_up(dagbag: DagBag) -> None:
    tasks = dagbag.dags["look_after_stores"].task_dict
    assert {(task.pool, task.queue) for task in tasks.values()} == {("warehouse", "warehouse")}
    assert tasks["back_up"].trigger_rule == "all_done"
    assert tasks["back_up"].upstream_task_ids == {"retain"}


def test_a_back_up_lies_at_the_address_and_without_one_the_task_is_skipped(
    settings: Settings, tmp_path: Path
) -> None:
    from customer_health.warehouse.connect import open_warehouse

    with open_warehouse(settings.warehouse_url):
        pass
    made = BackUpOperator(task_id="back_up").run_step(settings, NOW.date(), lambda *_: None)  # type: ignore[arg-type]
    assert made.counts()["files"] > 0
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["20260316T033000Z"]
    with pytest.raises(AirflowSkipException, match="CUSTOMER_HEALTH_BACK_UP"):
        BackUpOperator(task_id="back_up").run_step(
            settings.model_copy(update={"back_up": None}), NOW.date(), lambda *_: None
        )  # type: ignore[arg-type]


def test_the_clean_up_is_the_one_of_the_command(settings: Settings) -> None:
    said = RetainOperator(task_id="retain").run_step(settings, NOW.date(), lambda *_: None)  # type: ignore[arg-type]
    assert said.lines() == ["Nothing was old enough."]
