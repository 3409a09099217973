"""The DAGs, parsed once, in a private Airflow."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
import pytest
from airflow.dag_processing.dagbag import DagBag


@pytest.fixture(scope="session")
def dagbag() -> DagBag:
    airflow_env.migrate()
    return DagBag(dag_folder=str(airflow_env.DAGS))
