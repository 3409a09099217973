"""Exports as companies really write them: money, days and losses that show only as ended contracts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.errors import ConfigurationError, DataContractError


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    return CompanyFiles(tmp_path)


MONEY: dict[str, dict[str, float | None]] = {
    ".": {
        "$1,200.00": 1200,
        "-$1,200.50": -1200.5,
        "($12.50)": -12.5,
        "USD 1,200": 1200,
        "USD 1'200.50": 1200.5,
        "1 200": 1200,
        "99.5%": None,
        "12 pcs": None,
        "1e3": 1000,
        "12,5": None,
    },
    ",": {
        "1.200,50 €": 1200.5,
        "1.200": 1200,
        "12.345.678,9 EUR": 12_345_678.9,
        "1 200,50": 1200.5,
        "1.5": 1.5,
        "1.2.3": None,
        "n. v.": None,
    },
}


@pytest.mark.parametrize("decimal", MONEY)
def test_money_is_read_as_it_is_written_or_not_at_all(company: CompanyFiles, decimal: str) -> None:
    rows = "".join(f'c{n};a1;1;"{written}";2025-01-10\n' for n, written in enumerate(MONEY[decimal]))
    company.write("contracts.csv", "id;account;seats;arr;start\n" + rows)
    company.map(MAPPING.replace("company: Test", f'company: Test\nreading: {{decimal: "{decimal}"}}'))
    company.ingest()
    found = dict(company.rows("SELECT contract_id, arr FROM raw.contracts"))
    assert {written: found.get(f"c{n}") for n, written in enumerate(MONEY[decimal])} == MONEY[decimal]


ENDING = MAPPING.replace("occurred_at: start}", "occurred_at: start}\n    ends_on: ENDS")


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ("ended", "2026-03-31"),
        ('{column: ended, format: "%d.%m.%Y"}', "31.03.2026"),
        ("{column: ended, format: unix}", "1774915200"),
    ],
)
def test_a_contract_ends_on_a_day_in_the_companys_own_format(
    company: CompanyFiles, rule: str, day: str
) -> None:
    company.write(
        "contracts.csv",
        f"id,account,seats,arr,start,ended\nc1,a1,1,10,2025-01-10,{day}\nc2,a2,1,10,2025-01-10,\n",
    )
    company.map(ENDING.replace("ENDS", rule))
    company.ingest()
    assert company.rows(
        "SELECT contract_id, CAST(occurred_at AS VARCHAR) FROM raw.contracts WHERE status = 'ended'"
    ) == [("c1", "2026-03-31 00:00:00")]


def test_an_end_that_cannot_be_read_is_quarantined_and_not_taken_for_none(company: CompanyFiles) -> None:
    company.write("contracts.csv", "id,account,seats,arr,start,ended\nc1,a1,1,10,2025-01-10,31.03.2026\n")
    company.map(ENDING.replace("ENDS", "ended"))
    company.ingest()
    assert company.rows("SELECT row_number, column_name, value FROM quarantine.rows") == [
        (2, "ends_on", "31.03.2026")
    ]


LOSSES = (
    MAPPING
    + """
  outcomes:
    files: contracts.csv
    columns: {account_id: account, arr_lost: arr, occurred_at: ended}
    unless_followed: {begins: start, within_days: 30}
"""
)
TERMS = "id,account,seats,arr,start,ended\n"


def _losses(company: CompanyFiles, terms: str) -> list[tuple[str, str, str]]:
    company.write("contracts.csv", TERMS + terms)
    company.map(LOSSES)
    company.ingest()
    found = company.rows(
        "SELECT account_id, CAST(occurred_at::DATE AS VARCHAR), CAST(known_at::DATE AS VARCHAR) "
        "FROM raw.outcomes ORDER BY ALL"
    )
    return [(a, b, c) for a, b, c in found]


def test_the_last_contract_that_ends_is_a_loss_known_when_no_other_can_follow(company: CompanyFiles) -> None:
    assert _losses(company, "c1,a1,1,10,2025-01-01,2026-01-01\n") == [("a1", "2026-01-01", "2026-01-31")]


@pytest.mark.parametrize(
    "other",
    [
        "c2,a1,1,10,2026-01-01,\n",
        "c2,a1,1,10,2026-01-25,\n",
        "c2,a1,1,10,2025-06-01,\n",
    ],
    ids=["renewed on the day", "renewed after a gap", "another contract goes on"],
)
def test_an_end_after_which_the_account_goes_on_is_no_loss(company: CompanyFiles, other: str) -> None:
    assert _losses(company, "c1,a1,1,10,2025-01-01,2026-01-01\n" + other) == []


def test_an_account_that_comes_back_much_later_was_lost_in_between(company: CompanyFiles) -> None:
    terms = "c1,a1,1,10,2025-01-01,2025-06-01\nc2,a1,1,10,2025-12-01,\n"
    assert [day for _, day, _ in _losses(company, terms)] == ["2025-06-01"]


def test_of_terms_that_follow_each_other_only_the_last_is_a_loss(company: CompanyFiles) -> None:
    terms = "c1,a1,1,10,2024-01-01,2025-01-01\nc2,a1,1,10,2025-01-01,2026-01-01\n"
    assert [day for _, day, _ in _losses(company, terms)] == ["2026-01-01"]


def test_contracts_that_end_together_are_one_loss(company: CompanyFiles) -> None:
    terms = "c1,a1,1,10,2025-01-01,2026-01-01\nc2,a1,1,20,2025-02-01,2026-01-01\n"
    assert len(_losses(company, terms)) == 1


def test_losses_that_are_told_by_what_follows_need_a_day_of_begin(company: CompanyFiles) -> None:
    company.map(LOSSES.replace("begins: start,", "begins: {constant: x},"))
    with pytest.raises(ConfigurationError, match=r"unless_followed\.begins: needs a source column"):
        company.ingest()


def test_small_counts_are_left_out_however_they_are_written(company: CompanyFiles) -> None:
    company.write(
        "usage.csv", 'account,user,day,feature,events\na1,u,2026-05-01,x,"1,500"\na1,v,2026-05-01,x,0\n'
    )
    company.map(MAPPING.replace("files: usage*.csv", "files: usage*.csv\n    where: {events: {at_least: 1}}"))
    company.ingest()
    assert company.rows("SELECT user_id, events FROM raw.usage") == [("u", 1500)]


def test_a_column_that_comes_twice_is_nobodys_to_choose(company: CompanyFiles) -> None:
    """The first of two columns of one name was read, and nothing said."""
    company.write("usage.csv", "account,user,day,feature,events,day\na1,u1,2026-05-01,export,3,2026-05-09\n")
    with pytest.raises(DataContractError, match="has no column 'day'") as refused:
        company.ingest()
    assert "day_3" in str(refused.value)
    assert "day_6" in str(refused.value)


def test_each_currency_is_written_in_its_countrys_way(company: CompanyFiles) -> None:
    """12'000.50 francs settle nothing about R$ 6.000, which is six thousand in Brazil."""
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start\nc1,a1,1,CHF 12'000.50,2025-01-10\nc2,a2,1,R$ 6.000,2025-01-10\n",
    )
    company.ingest()
    assert [row[4] for row in company.quarantine()] == ["R$ 6.000"]
    assert company.ids("contracts", "contract_id") == ["c1"]


def test_a_year_of_five_digits_is_a_typing_error_and_not_an_open_end(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start,end\nc1,a1,1,10,2025-01-10,20255-03-10\nc2,a2,1,10,2025-01-10,9999-12-31\n",
    )
    company.map(MAPPING.replace("occurred_at: start", "term_end: end, occurred_at: start"))
    company.load()
    assert company.rows("SELECT contract_id, term_end FROM raw.contracts") == [("c2", None)]
    assert [row[3] for row in company.quarantine()] == ["term_end"]


@pytest.mark.parametrize("word", ["[null]", "(not set)", "(none)", "(blank)", "#NULL!", "nil"])
def test_words_that_tools_write_for_nobody_are_nobody(company: CompanyFiles, word: str) -> None:
    company.write("usage.csv", f"account,user,day,feature,events\na1,{word},2026-05-01,export,3\n")
    company.ingest()
    assert company.rows("SELECT user_id, events FROM raw.usage") == [("", 3)]


def test_a_databases_zero_date_is_no_date(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened,solved\nt1,a1,2026-05-01,0000-00-00 00:00:00\n")
    company.map(
        MAPPING + "  tickets:\n    files: tickets.csv\n"
        "    columns: {ticket_id: id, account_id: account, resolved_at: solved, occurred_at: opened}\n"
    )
    company.ingest()
    assert company.rows("SELECT ticket_id, resolved_at FROM raw.tickets") == [("t1", None)]


@pytest.mark.parametrize(
    ("format_", "read", "waits"),
    [("unix_ms", "1772532000000", "1772532000"), ("unix", "1772532000", "1772532000000")],
)
def test_seconds_are_not_taken_for_milliseconds(
    company: CompanyFiles, format_: str, read: str, waits: str
) -> None:
    """1772532000 milliseconds are 21 January 1970, which nobody meant."""
    company.write("contracts.csv", f"id,account,seats,arr,start\nc1,a1,1,1,{read}\nc2,a1,1,1,{waits}\n")
    company.map(MAPPING.replace("occurred_at: start", f"occurred_at: {{column: start, format: {format_}}}"))
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["c1"]
    assert [row[4] for row in company.quarantine()] == [waits]
