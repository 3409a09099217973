"""Losses read off a renewal date that passed are told and asked about; the company can say otherwise."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.lib.files import AS_OF, MAPPING, CompanyFiles

from customer_health.sources import landing
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate
from customer_health.warehouse.gate_result import GateResult

HEAD = "id,account,seats,arr,start,end,left\n"
TERMS = MAPPING.replace(
    "contracts.csv\n    columns: {", "contracts.csv\n    ends_on: left\n    columns: {term_end: end, "
)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
    made = CompanyFiles(tmp_path)
    made.map(TERMS)
    return made


def used(company: CompanyFiles, account: str, until: date) -> None:
    days = (until - timedelta(days=n) for n in range(200))
    rows = "".join(f"{account},u1,{day},export,1\n" for day in days)
    company.write("usage.csv", "account,user,day,feature,events\n" + rows)


def looked_at(company: CompanyFiles) -> tuple[GateResult, list[list[str]]]:
    company.ingest()
    with open_warehouse(company.settings.warehouse_url) as con:
        gate = run_gate(con, as_of=AS_OF, report_dir=company.home / "reports")
    listed = (gate.report.parent / "renewals_to_check.csv").read_text(encoding="utf-8").splitlines()
    return gate, [line.split(",") for line in listed[1:]]


def derived(company: CompanyFiles) -> list[tuple[str, str, str]]:
    found = company.rows(
        "SELECT account_id, kind, reason FROM ops.derived_outcomes ORDER BY account_id, kind"
    )
    return [(account, kind, reason) for account, kind, reason in found]


SILENT = "c1,a1,10,12000,2025-03-01,2026-03-01,\nc2,a2,5,900,2025-06-01,2027-06-01,\n"


def test_who_is_lost_because_a_date_passed_is_counted_and_listed(company: CompanyFiles) -> None:
    """Nobody booked an end, and nobody logs in: the CSM has to say whether that customer left."""
    company.write("contracts.csv", HEAD + SILENT)
    used(company, "a2", AS_OF - timedelta(days=1))
    gate, listed = looked_at(company)
    assert derived(company) == [("a1", "logo_churn", "term passed, nothing followed")]
    assert gate.counts()["past_renewal_and_silent"] == 1
    assert any(
        "1 renewal date passed in the last year, with no end and no usage" in one for one in gate.lines()
    )
    assert [row[:4] for row in listed] == [["a1", "2026-03-01", "", "12000.00"]]
    assert "left, or renewed?" in ",".join(listed[0])


@pytest.mark.parametrize(
    ("rows", "mapping"),
    [
        (SILENT.replace("2026-03-01,\n", "2026-03-01,2026-03-01\n"), TERMS),  # the end is booked
        (SILENT.replace("2026-03-01", "2027-03-01"), TERMS),  # the renewal is booked
        (SILENT + "c3,a1,10,12000,2026-03-10,2027-03-01,\n", TERMS),  # a contract follows
        (SILENT, TERMS.replace("seats: seats", "seats: seats, auto_renew: {constant: true}")),
    ],
    ids=["ended", "renewed", "followed", "renews itself"],
)
def test_the_company_answers_in_its_data_or_its_mapping(
    company: CompanyFiles, rows: str, mapping: str
) -> None:
    company.write("contracts.csv", HEAD + rows)
    company.map(mapping)
    gate, listed = looked_at(company)
    assert listed == []
    assert gate.counts()["past_renewal_and_silent"] == 0


def test_a_loss_of_long_ago_is_not_asked_about_for_ever(company: CompanyFiles) -> None:
    company.write("contracts.csv", HEAD + SILENT.replace("2025-03-01,2026-03-01", "2024-03-01,2025-03-01"))
    _, listed = looked_at(company)
    assert listed == []


BESIDE = "c1,a1,10,12000,2025-03-01,2026-03-01,\nx1,a1,1,100,2025-03-01,2027-03-01,\n"


def test_a_contract_that_lapsed_beside_an_add_on_is_asked_about_before_seats_are_called_lost(
    company: CompanyFiles,
) -> None:
    """Ten seats of which nobody knows whether they were renewed are no loss for the model to learn."""
    company.write("contracts.csv", HEAD + BESIDE)
    used(company, "a1", AS_OF - timedelta(days=1))
    _, listed = looked_at(company)
    assert derived(company) == []
    assert [row[:2] for row in listed] == [["a1", "2026-03-01"]]


def test_seats_are_lost_once_the_end_is_booked(company: CompanyFiles) -> None:
    company.write("contracts.csv", HEAD + BESIDE.replace("2026-03-01,\n", "2026-03-01,2026-03-01\n"))
    used(company, "a1", AS_OF - timedelta(days=1))
    _, listed = looked_at(company)
    assert [loss[:2] for loss in derived(company)] == [("a1", "contraction_seats")]
    assert listed == []


def test_what_a_subsidiary_without_a_contract_uses_keeps_the_contract_of_its_parent(
    company: CompanyFiles,
) -> None:
    """The group bought once, and its companies log in under their own accounts."""
    company.write(
        "accounts.csv",
        "id,name,created,parent\na1,Group,2024-01-01,\na2,Daughter,2024-01-01,a1\na3,Grandchild,2024-01-01,a2\n",
    )
    company.write("contracts.csv", HEAD + "c1,a1,10,12000,2025-03-01,2026-03-01,\n")
    company.map(TERMS.replace("name: name", "name: name, parent_account_id: parent"))
    used(company, "a3", AS_OF - timedelta(days=1))
    gate, listed = looked_at(company)
    assert derived(company) == []
    assert gate.counts()["past_renewal_and_active"] == 1
    assert [row[:3] for row in listed] == [["a1", "2026-03-01", "2026-05-31"]]


def test_a_subsidiary_with_a_contract_of_its_own_uses_that(company: CompanyFiles) -> None:
    company.write("accounts.csv", "id,name,created,parent\na1,Group,2024-01-01,\na2,Daughter,2024-01-01,a1\n")
    company.write("contracts.csv", HEAD + SILENT)
    company.map(TERMS.replace("name: name", "name: name, parent_account_id: parent"))
    used(company, "a2", AS_OF - timedelta(days=1))
    looked_at(company)
    assert [loss[:2] for loss in derived(company)] == [("a1", "logo_churn")]
