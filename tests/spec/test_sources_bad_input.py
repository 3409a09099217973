"""What files can get wrong: each case names file, row, column and remedy, and loses nothing good."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.lib.files import ACCOUNTS, AS_OF, CONTRACTS, MAPPING, USAGE, CompanyFiles

from customer_health.errors import ConfigurationError, DataContractError


@pytest.fixture
def company(tmp_path: Path) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def test_an_empty_folder_is_refused_by_name(company: CompanyFiles) -> None:
    for file in company.data.iterdir():
        file.unlink()
    with pytest.raises(ConfigurationError, match="holds no data files") as refusal:
        company.ingest()
    assert ".csv" in refusal.value.hint


def test_a_folder_that_does_not_exist_is_refused(company: CompanyFiles) -> None:
    settings = company.settings.model_copy(update={"data": str(company.data / "nowhere")})
    from customer_health.sources.load import ingest

    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        ingest(settings, as_of=AS_OF)


def test_a_mapping_that_names_a_missing_column_says_which_columns_there_are(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("arr: arr", "arr: anual_value"))
    with pytest.raises(DataContractError) as refusal:
        company.ingest()
    message = str(refusal.value)
    assert "contracts (columns.arr): contracts.csv has no column 'anual_value'" in message
    assert "columns found: id, account, seats, arr, start" in message


def test_a_mapping_that_names_a_missing_file_suggests_one_that_exists(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("files: contracts.csv", "files: contract.csv"))
    with pytest.raises(ConfigurationError, match=r"names 'contract\.csv'") as refusal:
        company.ingest()
    assert "contracts.csv" in refusal.value.hint


def test_broken_lines_cost_only_themselves(company: CompanyFiles) -> None:
    company.write(
        "usage.csv",
        'account,user,day,feature,events\na1,u1,2026-05-01,export,3\na1,u1,2026-05-02,"exp,1\n'
        "a1,u1,2026-05-03,export\na1,u1,2026-05-04,export,1,surplus\na2,u2,2026-05-05,export,1\n",
    )
    company.ingest()
    assert company.rows("SELECT _row FROM raw.usage ORDER BY 1") == [(2,), (6,)]
    assert [row[:3] for row in company.quarantine()] == [("usage", "usage.csv", n) for n in (3, 4, 5)]
    assert all("Fix the line" in remedy for remedy in company.remedies())


def test_values_that_cannot_be_read_are_quarantined_with_their_place(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "many").replace("2025-03-10", "10/03/2025"))
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["c1"]
    assert company.quarantine() == [
        ("contracts", "contracts.csv", 3, "arr", "many"),
        ("contracts", "contracts.csv", 4, "occurred_at", "10/03/2025"),
    ]


def test_a_fact_in_the_future_waits_until_its_day_has_come(company: CompanyFiles) -> None:
    company.write("usage.csv", USAGE + "a1,u1,2026-06-20,export,1\n")
    company.load()
    assert company.quarantine() == [("usage", "usage.csv", 4, "occurred_at", "2026-06-20")]
    company.load(date(2026, 6, 21))
    assert company.quarantine() == []
    assert len(company.ids("usage", "account_id")) == 3


def test_what_happened_after_a_back_filled_day_is_not_in_the_future(company: CompanyFiles) -> None:
    """A run of 1 April over files that reach to June: May is not a typing error, only not known yet."""
    company.ingest(date(2026, 4, 1))

    gate = company.gate(date(2026, 4, 1), today=AS_OF)

    assert gate.counts()["quarantined"] == 0
    assert company.rows("SELECT count(*) FROM raw.usage") == [(2,)]


def test_a_contract_may_begin_in_the_future(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS + "c4,a1,1,1,2026-09-01\n")
    company.load()
    assert "c4" in company.ids("contracts", "contract_id")


def test_an_account_that_is_there_twice_stays_once(company: CompanyFiles) -> None:
    company.write("accounts.csv", ACCOUNTS + "a1,Ann & Co,2025-01-10\na2,Bobby Ltd,2025-02-10\n")
    gate = company.load()
    assert company.ids("accounts", "name") == ["Ann & Co", "Bob Ltd", "Cay Inc"]
    assert gate.counts()["copies_dropped"] == 1
    assert company.quarantine() == [("accounts", "accounts.csv", 6, "account_id", "a2")]
    assert company.rows("SELECT reason FROM quarantine.rows") == [
        ("contradicts another row with the same key; kept: accounts.csv row 3",)
    ]


def test_an_account_without_contract_is_kept_and_reported(company: CompanyFiles) -> None:
    company.write("accounts.csv", ACCOUNTS + "a4,Dee AG,2025-04-10\n")
    gate = company.load()
    assert "a4" in company.ids("accounts", "account_id")
    assert any("every account has a contract; found 1" in line for line in gate.lines())


def test_usage_of_another_company_is_quarantined_with_the_question_whose_it_is(company: CompanyFiles) -> None:
    company.write("usage_other.csv", USAGE.replace("a1", "x1").replace("a2", "x2"))
    company.load()
    assert len(company.ids("usage", "account_id")) == 2
    assert [row[1:] for row in company.quarantine()] == [
        ("usage_other.csv", 2, "account_id", "x1"),
        ("usage_other.csv", 3, "account_id", "x2"),
    ]
    assert "file of another company?" in company.remedies()[0]


def test_rows_of_an_account_that_comes_later_are_loaded_when_it_does(company: CompanyFiles) -> None:
    company.write("usage.csv", USAGE + "a9,u9,2026-05-03,export,1\n")
    company.load()
    assert len(company.quarantine()) == 1
    company.write("accounts.csv", ACCOUNTS + "a9,Zoe SA,2025-05-10\n")
    company.load()
    assert company.quarantine() == []
    assert company.ids("usage", "account_id") == ["a1", "a2", "a9"]


def test_rows_of_a_quarantined_account_point_to_it(company: CompanyFiles) -> None:
    company.write("accounts.csv", ACCOUNTS.replace("2025-02-10", "1900-01-01"))
    company.load()
    assert [row[0] for row in company.quarantine()] == ["accounts", "contracts", "usage"]
    assert "accounts.csv row 3" in company.remedies()[1]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_a_csv_in_another_encoding_is_read_and_said(company: CompanyFiles, encoding: str) -> None:
    text = ACCOUNTS.replace("Ann & Co", "Müller & Söhne").replace("Bob Ltd", "Café Société")
    company.write("accounts.csv", text.encode(encoding))
    result = company.ingest()
    assert company.ids("accounts", "name") == ["Café Société", "Cay Inc", "Müller & Söhne"]
    assert encoding == "utf-8-sig" or any(encoding in note for note in result.notes)


def test_semicolons_and_decimal_commas_are_understood(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("files: contracts.csv", "files: contracts.csv\n    decimal: ','"))
    company.write("contracts.csv", "id;account;seats;arr;start\nc1;a1;10;1.200,50;2025-01-10\n")
    company.ingest()
    assert company.ids("contracts", "arr") == [1200.5]


def test_a_file_without_rows_is_no_error_unless_the_table_is_required(company: CompanyFiles) -> None:
    company.write("usage.csv", "account,user,day,feature,events\n")
    company.load()
    company.write("accounts.csv", "id,name,created\n")
    with pytest.raises(DataContractError, match=r"accounts: expected at least one good row; found 0") as stop:
        company.load()
    assert "gate.html" in stop.value.hint


def test_a_file_without_a_single_byte_is_named(company: CompanyFiles) -> None:
    company.write("usage.csv", "")
    assert any("usage.csv is empty" in line for line in company.ingest().lines())


def test_too_many_contradictions_stop_the_run(company: CompanyFiles) -> None:
    company.write("usage.csv", USAGE + "".join(f"a1,u1,2026-05-01,export,{n}\n" for n in range(10, 20)))
    company.ingest()
    with pytest.raises(
        DataContractError, match=r"usage \(account_id, user_id, occurred_at, feature\)"
    ) as stop:
        company.gate()
    assert "combine: sum" in stop.value.hint


def test_two_companies_do_not_share_a_warehouse(company: CompanyFiles) -> None:
    company.ingest()
    company.map(MAPPING.replace("company: Test", "company: Rival"))
    with pytest.raises(ConfigurationError, match="holds the data of 'Test'"):
        company.ingest()


def test_a_damaged_parquet_file_is_named(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("usage*.csv", "usage.parquet"))
    company.write("usage.parquet", b"PAR1 this is none")
    with pytest.raises(DataContractError, match=r"usage\.parquet is not a readable Parquet file"):
        company.ingest()


def test_infinite_and_negative_numbers_are_quarantined(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("12000", "inf").replace("24000", "-1"))
    company.load()
    assert [row[2:] for row in company.quarantine()][:2] == [(2, "arr", "inf"), (3, "arr", "-1.0")]


@pytest.mark.parametrize("name", ["usage.csv", "usage.jsonl"])
def test_a_binary_file_under_the_name_of_text_is_named(company: CompanyFiles, name: str) -> None:
    (company.data / "usage.csv").unlink()
    company.write(name, b"PK\x03\x04\x14\x00\x06\x00\x08\x00\n" * 50)
    company.map(MAPPING.replace("usage*.csv", name))
    with pytest.raises(DataContractError, match=f"{name} is not text.*binary"):
        company.ingest()


def test_a_remedy_for_dates_keeps_the_dates_that_are_read_already(company: CompanyFiles) -> None:
    """Advice to write the one format that reads the failing rows would lose all others."""
    company.write("contracts.csv", CONTRACTS.replace("2025-02-10", "10.02.2025"))
    company.ingest()
    assert "`format: ['iso', '%d.%m.%Y']`" in company.remedies()[0]


def test_a_spreadsheets_days_are_recognised_and_the_format_is_told(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("2025-02-10", "45698"))
    company.ingest()
    assert "`format: ['iso', 'excel']`" in company.remedies()[0]


def test_an_ambiguous_zone_gets_no_advice_on_formats(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("2025-02-10", "2025-02-10 10:00:00 IST"))
    company.ingest()
    assert "format:" not in company.remedies()[0]


def test_ids_of_no_account_hint_at_mergers_where_none_is_mapped(company: CompanyFiles) -> None:
    company.write("usage.csv", USAGE + "gone7,u9,2026-05-03,export,1\n")
    gate = company.load()
    assert "`merged_ids`" in company.remedies()[0]
    assert "No merger is mapped: were these accounts merged into others?" in " ".join(gate.lines())
