"""What every DAG of this project keeps to."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset

from customer_health_airflow.dag_names import DESTINATIONS, SOURCES_POOL, TEXT_POOL
from tests.lib import airflow_env

CHAIN = {
    "ingest_sources": None,
    "build_signals": "health_raw",
    "score_accounts": "health_signals",
    "run_playbooks": "health_scores",
    "deliver_effects": "health_actions",
    "train_model": "health_training_due",
    "report_kpis": "health_report_due",
}
# Run by the clock and by people; they belong to no day.
BESIDE = {
    "tick_outbox": {"reason"},
    "approve_actions": {"kind", "id"},
    "audit_deliveries": {"reason"},
    "look_after_stores": {"reason"},
}
FILES = sorted(airflow_env.DAGS.glob("*.py"))
LIGHT = {"airflow", "customer_health_airflow", "__future__"}
HEAVY = {
    *("pandas", "numpy", "duckdb", "ibis", "lightgbm", "sklearn", "great_expectations", "dlt", "numba"),
    *("matplotlib", "sqlalchemy", "scipy", "pyarrow"),
}


def test_every_file_is_read_without_an_error(dagbag: DagBag) -> None:
    assert dagbag.import_errors == {}
    assert set(dagbag.dag_ids) == {*CHAIN, *BESIDE}


@pytest.mark.parametrize("dag_id", [*CHAIN, *BESIDE])
def test_a_dag_explains_itself_on_its_page(dagbag: DagBag, dag_id: str) -> None:
    dag = dagbag.dags[dag_id]
    assert dag.doc_md
    for chapter in ("**What.**", "| Runs |", "**When it is red.**"):
        assert chapter in dag.doc_md
    assert dag.description
    assert "customer-health" in dag.tags
    more = {"since"} if dag_id == "build_signals" else set()  # it may fill in a range
    assert set(dag.params) == BESIDE.get(dag_id, {"as_of", "reason"} | more)


@pytest.mark.parametrize("dag_id", CHAIN)
def test_a_dag_works_on_one_day_at_a_time_and_never_catches_up_by_itself(dagbag: DagBag, dag_id: str) -> None:
    dag = dagbag.dags[dag_id]
    assert dag.max_active_runs == 1
    assert dag.catchup is False


@pytest.mark.parametrize(("dag_id", "asset"), CHAIN.items())
def test_a_consumer_listens_to_exactly_one_asset(dagbag: DagBag, dag_id: str, asset: str | None) -> None:
    """Two partitioned assets on one consumer can lose runs for good (apache/airflow#71070)."""
    timetable = dagbag.dags[dag_id].timetable
    heard = getattr(timetable, "asset_condition", None)
    assert heard is None if asset is None else isinstance(heard, Asset) and heard.name == asset


def test_every_asset_that_somebody_waits_for_is_told_by_exactly_one_task(dagbag: DagBag) -> None:
    told = [outlet.name for dag in dagbag.dags.values() for task in dag.tasks for outlet in task.outlets]
    assert sorted(told) == sorted(asset for asset in CHAIN.values() if asset)


def test_tasks_fail_at_once_or_try_for_half_an_hour(dagbag: DagBag) -> None:
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        waits = [task.retry_delay * 2**attempt for attempt in range(task.retries)]
        assert sum(waits, timedelta()) >= timedelta(minutes=30), task.task_id
        assert task.retry_policy is not None
        assert task.execution_timeout


def test_the_hourly_tick_never_touches_the_scores_and_calls_nobody_who_does(dagbag: DagBag) -> None:
    tick = dagbag.dags["tick_outbox"]
    assert not any(task.outlets for task in tick.tasks)
    assert all(task.pool != "warehouse" for task in tick.tasks)
    assert tick.max_active_runs == 1
    assert tick.catchup is False
    before = dagbag.dags["tick_outbox"].task_dict["follow_up"].get_flat_relative_ids(upstream=False)
    assert before == set(tick.task_ids) - {"follow_up", "collect_responses"}


def test_the_heartbeat_follows_the_hours_own_work(dagbag: DagBag) -> None:
    heartbeat = dagbag.dags["tick_outbox"].task_dict["heartbeat"]
    assert heartbeat.upstream_task_ids == {"follow_up"}
    assert heartbeat.trigger_rule == "all_success", "a ledger that is down keeps it out"


def test_answers_are_heard_before_anybody_is_reminded_and_slack_down_stops_no_reminder(
    dagbag: DagBag,
) -> None:
    tick = dagbag.dags["tick_outbox"].task_dict
    assert tick["follow_up"].upstream_task_ids == {"collect_responses"}
    assert tick["follow_up"].trigger_rule == "all_done"
    assert tick["collect_responses"].pool == "deliver_slack"


def test_a_destination_is_served_by_one_task_at_a_time_whichever_dag_it_is_in(dagbag: DagBag) -> None:
    for dag_id, group in (
        ("deliver_effects", "deliver"),
        ("tick_outbox", "deliver"),
        ("audit_deliveries", "audit"),
    ):
        found = {id: task.pool for id, task in dagbag.dags[dag_id].task_dict.items() if f"{group}." in id}
        assert found == {f"{group}.{name}": f"deliver_{name}" for name in DESTINATIONS}


def test_whoever_opens_the_warehouse_waits_for_its_turn(dagbag: DagBag) -> None:
    pools = {f"{dag.dag_id}.{task.task_id}": task.pool for dag in dagbag.dags.values() for task in dag.tasks}
    inside = {name for name, pool in pools.items() if pool == "warehouse"}
    assert inside == {
        *(
            "ingest_sources.load",
            "look_after_stores.back_up",
            "look_after_stores.retain",
            "ingest_sources.check_quality",
            "build_signals.build",
            "build_signals.read_texts",
        ),
        *("score_accounts.ensure_champion", "score_accounts.score"),
        *("run_playbooks.decide", "train_model.train", "train_model.value_of_data"),
        *("report_kpis.report", "report_kpis.scoreboard"),
    }


def test_what_the_volume_holds_is_asked_of_the_worker_that_has_it_and_nothing_else_is(dagbag: DagBag) -> None:
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        # Sources and texts are asked beside the warehouse, and put their files on its volume.
        inside = task.pool in ("warehouse", SOURCES_POOL, TEXT_POOL)
        assert task.queue == ("warehouse" if inside else "default"), task.task_id


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_only_wires(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 80
    assert _imports(path) <= LIGHT


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for folder in ("", "operators")
        for path in (airflow_env.PLUGINS / "customer_health_airflow" / folder).glob("*.py")
    ),
    ids=lambda path: path.stem,
)
def test_what_dag_files_import_loads_nothing_heavy_at_the_top(path: Path) -> None:
    assert not _imports(path) & HEAVY


def test_reading_a_dag_file_takes_a_moment(dagbag: DagBag) -> None:
    for stat in dagbag.dagbag_stats:
        assert stat.duration < timedelta(seconds=1), stat.file


def test_dags_survive_the_trip_through_the_database(dagbag: DagBag) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag_id, dag in dagbag.dags.items():
        back = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert back.dag_id == dag_id
        assert [task.task_id for task in back.tasks] == [task.task_id for task in dag.tasks]


def test_parsing_twice_gives_the_same_dag(dagbag: DagBag) -> None:
    """A clock or a random number in a DAG file would make a new version at every parse."""
    from airflow.serialization.serialized_objects import DagSerialization

    again = DagBag(dag_folder=str(airflow_env.DAGS))
    for dag_id, dag in dagbag.dags.items():
        assert DagSerialization.to_dict(dag) == DagSerialization.to_dict(again.dags[dag_id])


def _imports(path: Path) -> set[str]:
    """Names of packages that a file imports when it is read, not those inside functions."""
    found = set()
    for node in ast.walk(_without_functions(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


class _Prune(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        typing_only = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if typing_only else self.generic_visit(node)


def _without_functions(tree: ast.Module) -> ast.AST:
    return _Prune().visit(tree)


# What Airflow renders as a template: names of the company file, and a date of the run's form. A question's
# words are set when the task runs, after that.
RENDERED = {"source", "since", "destination"}
SET_LATER = {"AskOperator": {"subject": "An approval", "body": None}}


def test_no_field_that_airflow_renders_as_a_template_takes_a_customers_words(dagbag: DagBag) -> None:
    seen = set()
    for task in (task for dag in dagbag.dags.values() for task in dag.tasks):
        kind = getattr(task, "operator_class", type(task))
        if not kind.__module__.startswith("customer_health_airflow"):
            continue
        seen.add(kind.__name__)
        later = SET_LATER.get(kind.__name__, {})
        assert set(task.template_fields) <= RENDERED | set(later), kind
        assert {name: getattr(task, name) for name in later} == later
    assert {"ScoreAccountsOperator", "RunPlaybooksOperator", "AskOperator"} <= seen
