"""A text provider's key comes from its Airflow connection, and only where the company names it."""

from __future__ import annotations

from tests.lib import airflow_env  # noqa: F401

# isort: split
from pathlib import Path

import pytest

from customer_health.company import CompanyConfig
from customer_health.settings import Settings
from customer_health_airflow import connection_secrets


def settings(**texts: object) -> Settings:
    endpoint = {"model": "m", "price": {"input": 1, "output": 5}}
    config = CompanyConfig.model_validate({"texts": {"endpoints": {"claude": endpoint}, **texts}})
    return Settings(home=Path("."), warehouse_url="duckdb://", ledger_url="sqlite://", config=config)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    kinds: list[str] = []

    def read(kind: str) -> dict[str, str]:
        kinds.append(kind)
        return {"api_key": "key-1"}

    monkeypatch.setattr(connection_secrets, "read_connection", read)
    return kinds


def test_a_named_provider_gets_its_key(asked: list[str]) -> None:
    found = connection_secrets.with_text_keys(settings(reader="claude", writer="claude"))
    assert dict(found.secrets["claude"]) == {"api_key": "key-1"}
    assert asked == ["claude"]


def test_without_a_provider_no_connection_is_read(asked: list[str]) -> None:
    assert connection_secrets.with_text_keys(settings()).secrets == {}
    assert asked == []
