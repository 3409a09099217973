"""From a run to its as-of date, and from an error to the right ending of a task."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction

from customer_health.errors import ConfigurationError, DataContractError, WarehouseBusyError
from customer_health.settings import Settings
from customer_health_airflow.policies import RETRY_POLICY
from customer_health_airflow.run_day import run_day
from customer_health_airflow.task_progress import LogProgress
from customer_health_airflow.task_stop import NeedsAPerson, TryAgainLater, plain_words


def settings(today: date | None = None) -> Settings:
    return Settings(home=Path(), warehouse_url="duckdb://", ledger_url="sqlite://", today=today)


def context(key: str | None = None, asked: str | None = None) -> dict[str, Any]:
    run = SimpleNamespace(run_after=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    return {"partition_key": key, "params": {"as_of": asked}, "dag_run": run}


def test_a_scheduled_run_works_on_the_day_of_its_partition_key() -> None:
    assert run_day(context(key="2026-03-01"), settings()) == date(2026, 3, 1)


def test_a_run_from_the_form_works_on_the_day_that_was_asked_for() -> None:
    assert run_day(context(asked="2026-02-01"), settings()) == date(2026, 2, 1)


def test_an_empty_form_means_the_day_on_which_the_run_was_created_not_the_retrys() -> None:
    assert run_day(context(), settings()) == date(2026, 3, 2)


def test_an_empty_form_means_the_pretended_day_when_there_is_one() -> None:
    assert run_day(context(), settings(today=date(2025, 1, 31))) == date(2025, 1, 31)


@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        (context(key="2026-03-01", asked="2026-02-01"), "partition key is 2026-03-01"),
        (context(key="yesterday"), "not an as-of date"),
        (context(asked="2999-01-01"), "future"),
    ],
)
def test_a_day_that_cannot_be_meant_is_refused_with_a_hint(run: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        run_day(run, settings())
    assert caught.value.hint


def test_the_run_created_at_a_midnight_is_the_run_of_the_day_that_begins(dagbag: DagBag) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    dag = DagSerialization.from_dict(DagSerialization.to_dict(dagbag.dags["ingest_sources"]))
    info = dag.timetable.next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(pendulum.datetime(2026, 11, 21), None, catchup=True),
    )
    assert info.run_after == pendulum.datetime(2026, 11, 21)
    assert info.partition_key == "2026-11-21"
    assert dag.timetable.resolve_partition_date("2026-11-21") == info.partition_date


def test_while_a_day_is_pretended_nothing_starts_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from customer_health_airflow.schedule import every_midnight

    assert every_midnight().can_be_scheduled
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", "2025-01-31")
    assert not every_midnight().can_be_scheduled


def test_an_error_raised_on_purpose_ends_the_task_in_words(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("a task")
    with pytest.raises(NeedsAPerson), plain_words(log):
        raise DataContractError("raw.accounts lacks the column arr.", hint="Map it in line 7.")
    assert "What happened:  raw.accounts lacks the column arr." in caplog.text
    assert "What to do:     Map it in line 7." in caplog.text
    assert "Traceback" not in caplog.text


def test_a_mistake_keeps_its_trace() -> None:
    with pytest.raises(KeyError), plain_words(logging.getLogger("a task")):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (DataContractError("broken"), RetryAction.FAIL),
        (WarehouseBusyError("locked"), RetryAction.RETRY),
        (TypeError("a bug"), RetryAction.FAIL),
        (OSError("the network"), RetryAction.DEFAULT),
    ],
)
def test_the_kind_of_error_decides_whether_trying_again_makes_sense(
    error: Exception, action: RetryAction
) -> None:
    ending: BaseException = error
    try:
        with plain_words(logging.getLogger("a task")):
            raise error
    except BaseException as caught:
        ending = caught
    assert RETRY_POLICY.evaluate(ending, 1, 5).action is action


def test_both_endings_are_known_to_the_retry_policy_by_their_real_names() -> None:
    assert RETRY_POLICY.evaluate(NeedsAPerson("x"), 1, 5).action is RetryAction.FAIL
    assert RETRY_POLICY.evaluate(TryAgainLater("x"), 1, 5).action is RetryAction.RETRY


def test_long_work_says_how_far_it_is_and_how_long_it_will_take(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = [0.0]
    progress = LogProgress(logging.getLogger("a task"), clock=lambda: now[0])
    progress(0, 0, "reading")
    for done in range(1, 5):
        now[0] += 3
        progress(done, 4, "training")
    assert [record.getMessage() for record in caplog.records] == [
        "1. reading",
        "2. training",
        "   training: 3 of 4 (75 %), about 2 s left",
    ]


def test_a_task_that_failed_for_good_is_told_to_the_data_team_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.outbox import admin
    from customer_health.settings import load_settings
    from customer_health_airflow.policies import DEFAULT_ARGS

    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    failed = {
        **context(key="2026-03-01"),
        "ti": SimpleNamespace(dag_id="score_accounts", task_id="score", log_url="https://airflow.example/x"),
        "exception": NeedsAPerson("raw.accounts lacks the column arr.", "Map it in line 7."),
    }
    for _ in range(2):
        DEFAULT_ARGS["on_failure_callback"](failed)
    ledger = open_ledger(load_settings().ledger_url)
    (row,) = admin.find(ledger)
    ledger.dispose()
    assert row["payload"]["title"] == "score_accounts.score failed (as of 2026-03-01)"
    assert row["payload"]["lines"] == ["raw.accounts lacks the column arr."]
    assert row["payload"]["remedy"] == "Map it in line 7."
