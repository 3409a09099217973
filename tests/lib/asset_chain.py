"""The chain of DAGs in one process: real DAGs, real asset events, the scheduler's own decision who is next.

No ports and no waiting: each DAG runs by `dag.test()`, then the scheduler is asked which runs the
events have called for, and those run in turn. It uses private parts of Airflow 3.3, which is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.lib import airflow_env

# isort: split
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.asset import AssetPartitionDagRun
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select, update


@dataclass(frozen=True)
class Ran:
    """One DAG run of the chain.

    Attributes:
        dag_id: Which DAG.
        key: The partition key for which the scheduler called it; None for the head.
        states: State per task; a mapped task by `task_id[index]`.
    """

    dag_id: str
    key: str | None
    states: dict[str, str]


class Chain:
    """Every DAG of the project, known to a scheduler that never runs by itself."""

    def __init__(self) -> None:
        airflow_env.migrate()
        DagBundlesManager().sync_bundles_to_db()
        self._bag = DagBag(str(airflow_env.DAGS), bundle_path=airflow_env.DAGS, bundle_name="dags-folder")
        assert not self._bag.import_errors, self._bag.import_errors
        sync_bag_to_db(self._bag, "dags-folder", None)
        with create_session() as session:
            session.execute(update(DagModel).values(is_paused=False))
        self._scheduler = SchedulerJobRunner(Job())

    def run(self, day: date, *, head: str = "ingest_sources", **form: str) -> list[Ran]:
        """Run the head for one day and everything that it sets off; return the runs in order.

        Args:
            day: The as-of date.
            head: The DAG that somebody triggers.
            form: What is filled into its form beside the as-of date.
        """
        ran = [self._one(head, day.isoformat(), None, **form)]
        while called := self._called_for():
            ran += [self._one(dag_id, key, key) for dag_id, key in called]
        return ran

    def _one(self, dag_id: str, as_of: str, key: str | None, **form: str) -> Ran:
        run = self._bag.dags[dag_id].test(run_conf={"as_of": as_of, **form})
        with create_session() as session:
            found = session.merge(run)
            states = {
                task.task_id + (f"[{task.map_index}]" if task.map_index >= 0 else ""): str(task.state)
                for task in found.task_instances
            }
        return Ran(dag_id, key, states)

    def _called_for(self) -> list[tuple[str, str]]:
        """Let the scheduler create the runs that are due, and take them off its hands."""
        with create_session() as session:
            self._scheduler._create_dagruns_for_partitioned_asset_dags(session)
            session.flush()
            made: list[Any] = list(
                session.scalars(select(DagRun).where(DagRun.state == "queued").order_by(DagRun.id))
            )
            called = [(run.dag_id, str(run.partition_key)) for run in made]
            for run in made:
                run.state = "success"
            waiting = select(AssetPartitionDagRun).where(AssetPartitionDagRun.created_dag_run_id.is_(None))
            assert not session.scalars(waiting).all(), "a request that nobody will ever complete"
        return called
