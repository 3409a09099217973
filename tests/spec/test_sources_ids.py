"""One customer, one id: what spreadsheets, Salesforce and HubSpot do to ids is undone, or said aloud."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import AS_OF, MAPPING, CompanyFiles

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel
from customer_health.sources.draft import draft_mapping
from customer_health.sources.id_text import id_text, one_case
from customer_health.sources.mapping import Rule
from customer_health.sources.merged_accounts import merged_ids
from customer_health.sources.salesforce_ids import candidates, twins
from customer_health.warehouse.connect import open_warehouse

TICKETS = """  tickets:
    files: tickets.csv
    columns: {ticket_id: id, account_id: RULE, contact_id: who, occurred_at: opened}
"""
LONG, OTHER = "0015g00000AbCdEAAV", "0015g00000AbCdeAAF"  # two accounts whose ids differ in a capital


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def tickets(company: CompanyFiles, lines: str, rule: str = "account") -> list[tuple[object, ...]]:
    """Ticket, account and contact of what the gate let through."""
    company.write("tickets.csv", "id,account,who,opened\n" + lines)
    if company.mapping.read_text(encoding="utf-8") == MAPPING:
        company.map(MAPPING + TICKETS.replace("RULE", rule))
    company.load()
    return company.rows("SELECT ticket_id, account_id, contact_id FROM raw.tickets ORDER BY 1")


def accounts(company: CompanyFiles, *names: str) -> None:
    company.write("accounts.csv", "id,name,created\n" + "".join(f"{name},x,2025-01-01\n" for name in names))
    contracts = "".join(f"c{n},{name},1,100,2025-01-01\n" for n, name in enumerate(names))
    company.write("contracts.csv", "id,account,seats,arr,start\n" + contracts)
    company.write("usage.csv", f"account,user,day,feature,events\n{names[0]},u1,2026-05-01,export,3\n")


def test_fifteen_and_eighteen_characters_of_salesforce_are_one_account(company: CompanyFiles) -> None:
    """Also where a spreadsheet lost the capitals of the longer form; other capitals are another account."""
    accounts(company, LONG, OTHER)
    lines = f"t1,{LONG[:15]},,2026-05-01\nt2,{OTHER},,2026-05-01\nt3,{LONG.upper()},,2026-05-01\n"
    assert [row[:2] for row in tickets(company, lines)] == [("t1", LONG), ("t2", OTHER), ("t3", LONG)]
    assert company.quarantine() == []


def test_accounts_may_hold_the_short_form_and_facts_the_long_one(company: CompanyFiles) -> None:
    accounts(company, LONG[:15])
    assert [row[:2] for row in tickets(company, f"t1,{LONG},,2026-05-01\n")] == [("t1", LONG[:15])]


def test_contacts_in_both_forms_are_one_person(company: CompanyFiles) -> None:
    person = "0035g00000XyZaBAAV"
    company.write("contacts.csv", f"id,account,since\n{person},a1,2025-02-01\n")
    company.map(
        MAPPING + TICKETS.replace("RULE", "account") + "  contacts:\n    files: contacts.csv\n"
        "    columns: {contact_id: id, account_id: account, occurred_at: since}\n"
    )
    assert tickets(company, f"t1,a1,{person[:15]},2026-05-01\n") == [("t1", "a1", person)]


def test_ids_that_a_spreadsheet_turned_into_numbers_by_a_rule(company: CompanyFiles) -> None:
    """Lost zeros and `.0` come back; an id that was rounded is nobody's."""
    accounts(company, "00123", "9876543210", "12345678901234567", "X-7")
    rule = "{column: account, integer_text: true, pad: 5}"
    lines = (
        "t1,123,,2026-05-01\nt2,9876543210.0,,2026-05-01\nt3,1.23457E+16,,2026-05-01\n"
        "t4,X-7,,2026-05-01\nt5,9.876543210E+9,,2026-05-01\n"
    )
    assert [row[:2] for row in tickets(company, lines, rule)] == [
        ("t1", "00123"),
        ("t2", "9876543210"),
        ("t4", "X-7"),
        ("t5", "9876543210"),
    ]
    assert company.quarantine() == [("tickets", "tickets.csv", 4, "account_id", "1.23457E+16")]


def test_addresses_are_one_person_in_any_case_and_other_ids_keep_theirs(company: CompanyFiles) -> None:
    found = tickets(
        company, "t1,a1,Kim@Acme.com,2026-05-01\nt2,a1,kim@acme.com,2026-05-01\nt3,a1,Kim,2026-05-01\n"
    )
    assert [row[2] for row in found] == ["kim@acme.com", "kim@acme.com", "Kim"]


def test_ids_that_match_no_account_are_reported_per_source_with_what_would_mend_them(
    company: CompanyFiles,
) -> None:
    accounts(company, "00123", "Acme", "ACME", "9876543210")
    lines = (
        "t1,123,,2026-05-01\nt2,123,,2026-05-01\nt3,acme,,2026-05-01\nt4,9876543210.0,,2026-05-01\n"
        "t5,nobody,,2026-05-01\nt6,Acme,,2026-05-01\n"
    )
    assert [row[0] for row in tickets(company, lines)] == ["t6"]
    gate = company.load()
    assert (gate.counts()["unmatched_ids"], gate.counts()["ambiguous_ids"]) == (4, 1)
    page = (gate.report.parent / "ids.md").read_text(encoding="utf-8")
    assert "## tickets, from files" in page
    assert "4 ids in 5 rows; 1 of them ambiguous." in page
    assert "| 123 | 2 | 00123 | `pad: 5` |" in page
    assert "| acme | 1 | ACME, Acme | nothing: ambiguous |" in page
    assert "| 9876543210.0 | 1 | 9876543210 | `integer_text: true` |" in page
    assert "| nobody | 1 |  | nothing: no account is like it |" in page
    assert any("tickets from files: 4 (5 rows)" in line for line in gate.lines())


HUBSPOT = MAPPING.replace("occurred_at: created}", "occurred_at: created, merged_ids: merged}", 1)


def test_a_survivor_that_lists_merged_ids_owns_their_facts(company: CompanyFiles) -> None:
    """HubSpot exports the survivor only: a2 and a9 are gone from the accounts."""
    company.write("accounts.csv", "id,name,created,merged\na1,One,2024-01-01,a2;a9\na3,Three,2024-01-01,\n")
    company.map(HUBSPOT + TICKETS.replace("RULE", "account"))
    tickets(company, "t1,a1,,2026-05-01\nt2,a2,,2026-05-01\nt9,a9,,2026-05-01\n")
    assert company.quarantine() == []
    with open_warehouse(company.settings.warehouse_url) as con:
        panel = build_panel(con, CompanyConfig(), [AS_OF]).set_index("account_id")
    assert panel.index.tolist() == ["a1", "a3"]
    assert (panel.at["a1", "tickets_90d"], panel.at["a1", "arr"]) == (3, 36000)


def test_a_merger_that_a_later_export_shows_first_did_not_happen_before(company: CompanyFiles) -> None:
    """Neither the survivor nor the loser says when; that the export of May held both apart says it."""
    company.load(AS_OF - timedelta(days=31))
    company.write("accounts.csv", "id,name,created,merged\na1,One,2024-01-01,a2\na3,Three,2024-01-01,\n")
    company.map(HUBSPOT)
    company.load(AS_OF)
    days = [AS_OF - timedelta(days=31), AS_OF - timedelta(days=1), AS_OF]
    with open_warehouse(company.settings.warehouse_url) as con:
        panel = build_panel(con, CompanyConfig(), days)
    by_day = panel.groupby("as_of")["account_id"].agg(list)
    assert by_day.tolist() == [["a1", "a2", "a3"], ["a1", "a2", "a3"], ["a1", "a3"]]
    company.load(AS_OF)  # a second load of the same files changes nothing
    assert company.rows(
        "SELECT CAST(merged_at::DATE AS VARCHAR) FROM raw.accounts WHERE account_id = 'a2'"
    ) == [("2026-05-31",)]


def test_an_id_that_two_survivors_list_is_said(company: CompanyFiles) -> None:
    company.write("accounts.csv", "id,name,created,merged\na1,One,2024-01-01,a2\na3,Three,2024-01-01,a2\n")
    company.map(HUBSPOT)
    notes = company.ingest().notes
    assert any("a3 and a1 both list a2" in note for note in notes)


def test_the_draft_knows_how_hubspot_and_salesforce_name_mergers_and_parents(tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text(
        "id,name,createdate,hs_merged_object_ids,hs_parent_company_id\n101,One,2024-01-01,205;309,\n"
        "102,Two,2024-01-01,,101\n",
        encoding="utf-8",
    )
    (tmp_path / "deals.csv").write_text(
        "id,company_id,start_date\nd1,101,2024-01-01\nd2,102,2024-01-01\n", encoding="utf-8"
    )
    text = draft_mapping(str(tmp_path))
    assert "merged_ids: hs_merged_object_ids" in text
    assert "parent_account_id: hs_parent_company_id" in text


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("A2;A9", ["A2", "A9"]),
        ('["A2", "A9"]', ["A2", "A9"]),
        ("A2, A9 ", ["A2", "A9"]),
        ("", []),
    ],
)
def test_lists_of_merged_ids_as_tools_write_them(text: str, ids: list[str]) -> None:
    assert [name for name, _ in merged_ids(text)] == ids


def test_a_list_may_say_when() -> None:
    ((name, moment),) = merged_ids("101:1714521600000")
    assert (name, moment and moment.date()) == ("101", date(2024, 5, 1))


# -- for every id


CON = duckdb.connect()


def read(text: str, rule: Rule) -> str | None:
    found = CON.execute(f"SELECT {id_text('t', rule)} FROM (SELECT ? AS t)", [text]).fetchone()
    assert found is not None
    out: str | None = found[0]
    return out


@given(st.integers(0, 10**12), st.integers(1, 14))
def test_an_id_comes_back_from_a_spreadsheet_as_it_was(number: int, width: int) -> None:
    """Written with leading zeros, read as a number, written with `.0` or in scientific notation."""
    given_id = f"{number:0{width}d}"
    rule = Rule(column="id", integer_text=True, pad=width)
    assert read(f"{number}.0", rule) == given_id
    assert read(str(number), rule) == given_id
    if number:
        digits, power = str(number), len(str(number)) - 1
        assert read(f"{digits[0]}.{digits[1:]}E+{power}", rule) == given_id
        if len(digits) > 3:
            assert read(f"{digits[0]}.{digits[1:3]}E+{power}", rule) is None


@given(st.text(st.sampled_from("abcXYZ019-_ ."), max_size=20))
def test_other_ids_are_left_alone(text: str) -> None:
    if not text.replace(".", "").isdigit():
        assert read(text, Rule(column="id", integer_text=True, pad=8)) == text
    lowered = CON.execute(f"SELECT {one_case('t')} FROM (SELECT ? AS t)", [text]).fetchone()
    assert lowered == (text,)


@given(st.from_regex(r"\A[A-Za-z0-9]{15}\Z"))
def test_every_salesforce_id_is_found_in_its_other_form(short: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    ends = "".join(
        alphabet[sum(2**n for n, letter in enumerate(part) if letter.isupper())]
        for part in (short[:5], short[5:10], short[10:])
    )
    whole = short + ends
    assert candidates(short, twins({whole})) == {whole}
    assert candidates(whole, twins({short})) == {short}
    lost = whole.upper()
    assert candidates(lost, twins({whole})) == ({whole} - {lost})
