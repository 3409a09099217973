"""A drafted mapping is a start: it is valid, finds the obvious, and marks the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.lib.files import CompanyFiles

from customer_health.errors import ConfigurationError
from customer_health.sources.draft import draft_mapping
from customer_health.sources.mapping_file import load_mapping

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"


@pytest.fixture(scope="module")
def drafted() -> dict[str, list[dict[str, object]]]:
    tables: dict[str, list[dict[str, object]]] = yaml.safe_load(draft_mapping(EXAMPLE))["tables"]
    return tables


def test_the_draft_of_the_example_company_names_every_file(
    drafted: dict[str, list[dict[str, object]]],
) -> None:
    assert {table: [feed["files"] for feed in feeds] for table, feeds in drafted.items()} == {
        "accounts": ["customers.csv"],
        "contracts": ["subscriptions.csv"],
        "usage": ["events.jsonl.gz"],
        "tickets": ["tickets.csv"],
        "surveys": ["nps.csv"],
        "invoices": ["invoices.csv"],
        "contacts": ["people.csv"],
        "interactions": ["meetings.csv"],
        "outcomes": ["lost_customers.csv"],
    }


def test_the_draft_translates_values_and_dates_it_has_seen(
    drafted: dict[str, list[dict[str, object]]],
) -> None:
    accounts, tickets = drafted["accounts"][0]["columns"], drafted["tickets"][0]["columns"]
    assert isinstance(accounts, dict)
    assert isinstance(tickets, dict)
    assert accounts["occurred_at"] == {"column": "Customer since", "format": "%d.%m.%Y"}
    assert accounts["segment"]["values"] == {"Small": "smb", "Medium": "mid_market", "Large": "enterprise"}
    assert tickets["priority"]["values"]["P1"] == "critical"


def test_a_draft_without_open_questions_loads_as_it_is(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    company.map(draft_mapping(company.data))
    load_mapping(company.mapping)
    company.ingest()
    assert company.ids("usage", "account_id") == ["a1", "a2"]


def test_a_folder_without_data_cannot_be_drafted(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no data files"):
        draft_mapping(tmp_path)
