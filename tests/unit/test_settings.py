"""Settings are refused before anything runs, with the file, the key and a suggestion."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_health.errors import ConfigurationError
from customer_health.settings import load_settings


def test_defaults_work_without_any_environment(home: Path):
    settings = load_settings({}, home=home)

    assert settings.warehouse_url == f"duckdb:///{home}/warehouse.duckdb"
    assert settings.data is None
    assert settings.config.destinations.slack == "preview"


def test_a_misspelt_key_is_refused_with_file_key_and_suggestion(home: Path, tmp_path: Path):
    company = tmp_path / "company.yaml"
    company.write_text("model:\n  primary_horizont: 90\n", encoding="utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=home)

    assert str(company) in str(refused.value)
    assert "model.primary_horizont" in str(refused.value)
    assert "primary_horizon" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ("playbooks: {routes: [{chanel: '#a'}]}", "playbooks.routes.0.chanel", "channel"),
        ("connections: {slack: {chanels: {}}}", "connections.slack.chanels", "channels"),
    ],
)
def test_a_misspelt_key_inside_a_list_or_a_connection_gets_its_suggestion_too(
    home: Path, tmp_path: Path, text: str, place: str, meant: str
):
    company = tmp_path / "company.yaml"
    company.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=home)

    assert place in str(refused.value)
    assert refused.value.hint.startswith("Did you mean")
    assert meant in refused.value.hint


def test_a_value_of_the_wrong_kind_names_its_place(home: Path, tmp_path: Path):
    company = tmp_path / "company.yaml"
    company.write_text("playbooks:\n  first_run_tasks: many\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"playbooks\.first_run_tasks"):
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=home)


def test_a_missing_company_file_says_which_variable_to_set(home: Path):
    with pytest.raises(ConfigurationError, match="does not exist") as refused:
        load_settings({"CUSTOMER_HEALTH_CONFIG": "/nowhere/company.yaml"}, home=home)
    assert "CUSTOMER_HEALTH_CONFIG" in refused.value.hint


def test_broken_yaml_is_a_clear_error(home: Path, tmp_path: Path):
    company = tmp_path / "company.yaml"
    company.write_text("model: [1, 2\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="not valid YAML"):
        load_settings({"CUSTOMER_HEALTH_CONFIG": str(company)}, home=home)


def test_today_may_be_pretended_only_while_nothing_can_leave_the_house(home: Path, tmp_path: Path):
    company = tmp_path / "company.yaml"
    company.write_text("destinations:\n  slack: slack\n", encoding="utf-8")
    pretended = {"CUSTOMER_HEALTH_TODAY": "2024-12-31"}

    assert load_settings(pretended, home=home).today == date(2024, 12, 31)
    with pytest.raises(ConfigurationError, match="slack would really be written to"):
        load_settings({**pretended, "CUSTOMER_HEALTH_CONFIG": str(company)}, home=home)


def test_a_today_that_is_no_date_is_refused(home: Path):
    with pytest.raises(ConfigurationError, match="not a date"):
        load_settings({"CUSTOMER_HEALTH_TODAY": "yesterday"}, home=home)
