"""What the gate tells people who open no warehouse: faults, remedies, and samples without anybody's data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from tests.lib.files import AS_OF, CONTRACTS, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.ledger import report_numbers
from customer_health.ledger.engine import open_ledger
from customer_health.pipeline import check_quality
from customer_health.settings import Settings
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate_numbers import shape


@pytest.mark.parametrize(
    ("table", "column", "cell", "shown"),
    [
        ("contracts", "term_end", "31.13.2026", "31.13.2026"),
        ("contracts", "arr", "-1,200.50", "-1,200.50"),
        ("contracts", "arr", "dana.kim@example.com", "aaaa.aaa@aaaaaaa.aaa"),
        ("contacts", "email", "+49 170 1234567", "+99 999 9999999"),
        ("accounts", "account_id", "001XYZ", "999AAA"),
        ("accounts", None, "Zoë Ångström", "Aaa Aaaaaaaa"),
        ("nowhere", "x", "12", "99"),
        ("contacts", "email", None, "(empty)"),
        ("contacts", "email", "x" * 60, "a" * 40 + "…"),
    ],
)
def test_a_sample_shows_the_shape_of_a_cell_and_the_figures_of_dates_and_numbers(table, column, cell, shown):
    assert shape(table, column, cell) == shown


@pytest.fixture
def company(tmp_path: Path) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def settings_of(company: CompanyFiles) -> Settings:
    return company.settings.model_copy(update={"ledger_url": f"sqlite:///{company.home}/ledger.db"})


def told(company: CompanyFiles) -> dict[str, Any]:
    """What the step of the chain left in the ledger."""
    day, found = report_numbers.latest(open_ledger(settings_of(company).ledger_url), report_numbers.GATE)
    assert day == AS_OF
    assert found is not None
    return dict(found)


def check(company: CompanyFiles) -> None:
    company.ingest()
    check_quality(settings_of(company), as_of=AS_OF, now=datetime.combine(AS_OF, time(6), UTC))


def test_rows_in_quarantine_are_told_by_table_and_cause_with_their_place(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "-5"))
    check(company)
    found = told(company)
    (table,) = found["quarantine"]
    assert (table["table"], table["rows"]) == ("contracts", 1)
    (cause,) = table["causes"]
    assert (cause["column"], cause["rows"]) == ("arr", 1)
    assert [sample["cell"] for sample in cause["samples"]] == ["-5.0"]
    assert cause["remedy"]
    assert "Ann & Co" not in json.dumps(found)
    assert {one["table"] for one in found["tables"]} >= {"accounts", "usage"}


def test_a_table_that_stops_the_run_is_told_all_the_same(company: CompanyFiles) -> None:
    company.ingest()
    with open_warehouse(company.settings.warehouse_url) as con:
        con.execute("ALTER TABLE raw.tickets DROP COLUMN priority")
    with pytest.raises(DataContractError):
        check_quality(settings_of(company), as_of=AS_OF, now=datetime.combine(AS_OF, time(6), UTC))
    found = told(company)
    assert found["counts"]["critical"] >= 1
    assert [one["table"] for one in found["failed"] if one["severity"] == "critical" and one["remedy"]] == [
        "tickets"
    ]
