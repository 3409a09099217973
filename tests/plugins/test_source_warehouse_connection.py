"""The address of a company's warehouse may stand in an Airflow connection, where its password belongs."""

from __future__ import annotations

from tests.lib import airflow_env  # noqa: F401 - before Airflow is imported

# isort: split
from pathlib import Path

import pytest

from customer_health.errors import ConfigurationError
from customer_health.remote.company_warehouse import open_source
from customer_health.settings import Settings
from customer_health_airflow.connection_secrets import with_source_warehouse


def settings_of(place: str | None) -> Settings:
    return Settings(home=Path(), warehouse_url="duckdb://", ledger_url="sqlite://", source_warehouse=place)


def test_a_connection_stands_for_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://reader:hunter2@db.example.com:5433/facts")
    found = with_source_warehouse(settings_of("airflow:warehouse"))
    assert found.source_warehouse == "postgres://reader:hunter2@db.example.com:5433/facts"
    assert "hunter2" not in repr(found)


def test_an_address_of_another_engine_stands_in_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", '{"conn_type": "generic", "extra": {"url": "bigquery://project/facts"}}'
    )
    assert with_source_warehouse(settings_of("airflow:warehouse")).source_warehouse == (
        "bigquery://project/facts"
    )


def test_a_connection_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="the connection 'nowhere', which does not exist"):
        with_source_warehouse(settings_of("airflow:nowhere"))


@pytest.mark.parametrize("place", [None, "postgresql://reader@db.example.com/facts"])
def test_an_address_is_taken_as_it_is(place: str | None) -> None:
    assert with_source_warehouse(settings_of(place)).source_warehouse == place


def test_the_command_line_says_that_only_tasks_read_connections() -> None:
    with pytest.raises(ConfigurationError, match="only Airflow's tasks"), open_source("airflow:warehouse"):
        pass
