"""A drafted mapping is a start: it is valid, finds the obvious, and marks the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.lib.files import CompanyFiles

from customer_health.errors import ConfigurationError
from customer_health.sources.draft import draft_mapping
from customer_health.sources.mapping_file import load_mapping

pytestmark = pytest.mark.usefixtures("in_columns")

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


def _drafted(folder: Path, **files: str) -> dict[str, list[dict[str, Any]]]:
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content.encode("cp1252"))
    tables: dict[str, list[dict[str, Any]]] = yaml.safe_load(draft_mapping(folder))["tables"]
    return tables


def test_a_german_export_is_understood(tmp_path: Path) -> None:
    tables = _drafted(
        tmp_path,
        Kunden="Kundennummer;Firma;Größe;Kunde seit\nK1;Müller GmbH;Groß;31.01.2024\n",
        Vertraege="Vertragsnummer;Kundennummer;Jahresbetrag;Vertragsbeginn;Vertragsende\n"
        "V1;K1;1.200,50 €;31.01.2024;\nV2;K1;99,00 €;31.01.2024;31.12.2024\n",
        Nutzung="Kundennummer;Benutzer;Modul;Anzahl;Datum\nK1;u1;Lager;3;31.01.2024\n",
    )
    (accounts,), (contracts,), (usage,) = tables["accounts"], tables["contracts"], tables["usage"]
    assert accounts["columns"]["segment"] == {"column": "Größe", "values": {"Groß": "enterprise"}}
    assert contracts["decimal"] == ","
    assert contracts["ends_on"] == {"column": "Vertragsende", "format": "%d.%m.%Y"}
    assert contracts["columns"]["currency"] == {"constant": "EUR"}
    assert usage["columns"]["events"] == "Anzahl"
    (losses,) = tables["outcomes"]
    assert losses["unless_followed"]["begins"] == {"column": "Vertragsbeginn", "format": "%d.%m.%Y"}


def test_a_column_for_each_feature_becomes_a_feed_for_each(tmp_path: Path) -> None:
    usage = _drafted(
        tmp_path,
        usage='Account ID,Date,Logins,API Calls\nA1,01/31/2024,3,"1,500"\n',
    )["usage"]
    assert [(feed["columns"]["feature"]["constant"], feed["columns"]["events"]) for feed in usage] == [
        ("logins", "Logins"),
        ("api_calls", "API Calls"),
    ]


def test_a_months_total_is_known_when_the_month_is_over(tmp_path: Path) -> None:
    (usage,) = _drafted(tmp_path, usage="account_id,month,logins\nA1,2024-01,30\n")["usage"]
    assert usage["columns"]["known_at"]["plus"] == {"amount": 1, "unit": "months"}


def test_contracts_and_losses_that_accounts_carry_along_are_found(tmp_path: Path) -> None:
    tables = _drafted(
        tmp_path,
        accounts="account_id,plan,mrr,created_at,churn_date\nA1,pro,49.5,2024-01-31,\n"
        "A2,basic,9.5,2024-01-31,2024-12-31\n",
    )
    (contracts,), (outcomes,) = tables["contracts"], tables["outcomes"]
    assert (contracts["ends_on"], contracts["columns"]["arr"]) == (
        "churn_date",
        {"column": "mrr", "scale": 12},
    )
    assert outcomes["where"] == {"churn_date": {"present": True}}


def test_the_status_of_today_is_not_drafted_into_the_past(tmp_path: Path) -> None:
    (contracts,) = _drafted(
        tmp_path,
        subscriptions="id,customer,mrr,status,start_date,ended_at\ns1,c1,10,canceled,2024-01-31,2024-12-31\n"
        "s2,c2,10,active,2024-01-31,\n",
    )["contracts"]
    assert "status" not in contracts["columns"]
    assert contracts["ends_on"] == "ended_at"


def test_files_that_cannot_be_read_are_named_in_the_draft(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    company.write("empty.csv", "")
    company.write("workbook.csv", b"PK\x03\x04\x00\x00")
    draft = draft_mapping(company.data)
    assert "# TODO not read: empty.csv is empty" in draft
    assert "# TODO not read: workbook.csv is not text" in draft


def test_a_column_that_mixes_date_formats_gets_a_list_of_them(tmp_path: Path) -> None:
    """An old tool wrote dots, its successor writes ISO dates, both into one column."""
    (tmp_path / "tickets.csv").write_text(
        "ticket_id,account_id,opened,priority\n1,a1,31.12.2025,high\n2,a1,2026-01-02,low\n3,a1,05.01.2026,low\n"
    )
    text = draft_mapping(tmp_path)
    assert 'occurred_at: {column: opened, format: ["%d.%m.%Y", iso]}  # TODO is that all of them?' in text


def test_short_names_of_a_usage_based_company_are_understood(tmp_path: Path) -> None:
    """`org`, `amt`, `prio`: nobody who writes an export for themselves spells them out."""
    (tmp_path / "orgs.csv").write_text("org,name,created\no1,Ann,2025-01-01\no2,Bob,2025-02-01\n")
    (tmp_path / "bills.csv").write_text("no,org,amt,issued\n1,o1,9.5,2026-01-01\n2,o1,8,2026-02-01\n")
    (tmp_path / "zendesk.csv").write_text(
        "id,org,opened,answered,prio\nZ1,o1,2026-01-01T10:00:00Z,2026-01-01T11:00:00Z,low\n"
    )
    text = draft_mapping(tmp_path)
    assert text.count("account_id: org") == 3
    for line in ("amount: amt", "first_response_at: answered", "priority: prio"):
        assert line in text, line


def test_names_of_people_are_found_and_a_companys_name_is_not_taken_for_one(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    company.write(
        "contacts.csv",
        "id,account_id,Vorname,Nachname,company_name,created_at\n1,a1,Zoë,Ito,Acme,2026-01-01\n",
    )
    columns = yaml.safe_load(draft_mapping(company.data))["tables"]["contacts"][0]["columns"]
    assert (columns["first_name"], columns["last_name"]) == ("Vorname", "Nachname")
    assert "name" not in columns
