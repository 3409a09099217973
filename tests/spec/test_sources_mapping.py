"""What a mapping can say, without code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.lib.files import CompanyFiles

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.sources.mapping_file import load_mapping

HEAD = """
version: 1
company: Test
tables:
  accounts:
    files: accounts.csv
    columns: {account_id: id, name: name, occurred_at: created}
  contracts:
    files: contracts.csv
    columns: {contract_id: id, account_id: account, occurred_at: start}
"""


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def _tickets(company: CompanyFiles, rule: str, column: str = "resolved_at") -> list[Any]:
    company.map(
        f"{HEAD}  tickets:\n    files: t.csv\n    columns: {{ticket_id: id, account_id: account, "
        f"occurred_at: opened, {column}: {rule}}}\n"
    )
    company.ingest()
    return [
        row[0] for row in company.rows(f"SELECT CAST({column} AS VARCHAR) FROM raw.tickets ORDER BY _row")
    ]


def test_values_are_translated_whatever_their_case(company: CompanyFiles) -> None:
    company.write(
        "t.csv",
        "id,account,opened,p\n1,a1,2026-01-01,Urgent\n2,a1,2026-01-01, urgent \n3,a1,2026-01-01,low\n",
    )
    assert _tickets(company, "{column: p, values: {urgent: critical}}", "priority") == [
        "critical",
        "critical",
        "low",
    ]


def test_an_optional_column_that_a_file_lacks_is_empty_and_another_one_stops_the_load(
    company: CompanyFiles,
) -> None:
    company.write("p1.csv", "id,account,met\n1,a1,2026-01-01\n")
    company.write("p2.csv", "id,account,met,Vorname\n2,a1,2026-01-01,Zoë\n")
    people = (
        f"{HEAD}  contacts:\n    files: p*.csv\n    columns: {{contact_id: id, account_id: account, "
        "occurred_at: met, first_name: {column: Vorname%s}}\n"
    )
    company.map(people % ", optional: true")
    company.ingest()
    found = company.rows("SELECT contact_id, first_name FROM raw.contacts ORDER BY 1")
    assert found == [("1", None), ("2", "Zoë")]
    company.map(people % "")
    with pytest.raises(DataContractError, match="no column 'Vorname'"):
        company.ingest()


def test_a_date_plus_minutes_of_another_column(company: CompanyFiles) -> None:
    company.write("t.csv", "id,account,opened,m\n1,a1,2026-01-01T10:00:00Z,90\n2,a1,2026-01-01,\n")
    found = _tickets(company, "{column: opened, plus: {column: m, unit: minutes}}")
    assert found == ["2026-01-01 11:30:00", None]


def test_a_zone_offset_is_applied_and_not_ignored(company: CompanyFiles) -> None:
    company.write("t.csv", "id,account,opened,r\n1,a1,2026-01-01,2026-01-02T10:00:00+02:00\n")
    assert _tickets(company, "r") == ["2026-01-02 08:00:00"]


LOCAL_TIMES = (
    ("2026-01-15 17:30:00", "2026-01-16 01:30:00"),  # winter: 8 hours behind
    ("2026-05-15T17:30", "2026-05-16 00:30:00"),  # summer: 7
    ("2026-03-08 01:59:59", "2026-03-08 09:59:59"),  # the last second before the clocks go forward
    ("2026-03-08 03:00:00", "2026-03-08 10:00:00"),  # and the first one after
    ("2025-11-02 01:30:00", "2025-11-02 09:30:00"),  # shown twice: the second, in standard time
    ("2026-05-15T17:30:00Z", "2026-05-15 17:30:00"),
    ("2026-05-15 17:30:00-04:00", "2026-05-15 21:30:00"),
    ("2026-05-15T17:30:00+0200", "2026-05-15 15:30:00"),
    ("2026-05-15", "2026-05-15 00:00:00"),  # a day is a day
)
US = ["%m/%d/%Y %I:%M %p", "%m/%d/%Y"]
AMERICAN_TIMES = (("05/15/2026 5:30 PM", "2026-05-16 00:30:00"), ("05/15/2026", "2026-05-15 00:00:00"))


@pytest.mark.parametrize(("times", "format_"), [(LOCAL_TIMES, "iso"), (AMERICAN_TIMES, US)])
def test_times_without_a_zone_are_those_of_the_place_that_the_mapping_names(
    company: CompanyFiles, times: tuple[tuple[str, str], ...], format_: str | list[str]
) -> None:
    """Read as UTC, the evening in Los Angeles would belong to the day before."""
    lines = [f"{number},a1,2025-01-01,{written}" for number, (written, _) in enumerate(times)]
    company.write("t.csv", "\n".join(["id,account,opened,r", *lines]))
    company.map(
        HEAD.replace("company: Test", "company: Test\nreading: {timezone: America/Los_Angeles}")
        + "  tickets:\n    files: t.csv\n    columns: {ticket_id: id, account_id: account, "
        f"occurred_at: opened, resolved_at: {{column: r, format: {json.dumps(format_)}}}}}\n"
    )
    company.ingest()
    read = company.rows("SELECT CAST(resolved_at AS VARCHAR) FROM raw.tickets ORDER BY _row")
    assert [row[0] for row in read] == [meant for _, meant in times]


def test_naive_times_of_a_parquet_file_are_told_in_the_zone_of_the_mapping(company: CompanyFiles) -> None:
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT '1' AS id, 'a1' AS account, TIMESTAMP '2026-05-15 17:30:00' AS opened)"
            " TO ? (FORMAT parquet)",
            [str(company.data / "t.parquet")],
        )
    company.map(
        f"{HEAD}  tickets:\n    files: t.parquet\n    timezone: America/Los_Angeles\n"
        "    columns: {ticket_id: id, account_id: account, occurred_at: opened}\n"
    )
    company.ingest()
    assert company.rows("SELECT CAST(occurred_at AS VARCHAR) FROM raw.tickets") == [("2026-05-16 00:30:00",)]


def test_a_zone_that_does_not_exist_is_refused_with_its_neighbours(company: CompanyFiles) -> None:
    company.map(HEAD.replace("company: Test", "company: Test\nreading: {timezone: America/Los_Angels}"))
    with pytest.raises(ConfigurationError, match="America/Los_Angeles"):
        load_mapping(company.mapping)


@pytest.mark.parametrize(
    ("written", "format_", "meant"),
    [
        ("03.02.2026", "%d.%m.%Y", "2026-02-03 00:00:00"),
        ("02/03/2026", "%m/%d/%Y", "2026-02-03 00:00:00"),
        ("1770076800", "unix", "2026-02-03 00:00:00"),
        ("1770076800000", "unix_ms", "2026-02-03 00:00:00"),
    ],
)
def test_dates_are_read_by_their_format(
    company: CompanyFiles, written: str, format_: str, meant: str
) -> None:
    company.write("t.csv", f"id,account,opened,r\n1,a1,2026-01-01,{written}\n")
    assert _tickets(company, f'{{column: r, format: "{format_}"}}') == [meant]


def test_a_column_may_hold_only_under_a_condition(company: CompanyFiles) -> None:
    company.write("t.csv", "id,account,opened,flag\n1,a1,2026-01-01,True\n2,a1,2026-01-01,no\n")
    found = _tickets(company, "{column: opened, when: {flag: true}}", "escalated_at")
    assert found == ["2026-01-01 00:00:00", None]


def test_an_id_is_looked_up_in_another_file(company: CompanyFiles) -> None:
    company.write("u.csv", "sub,day,f\nc2,2026-01-01,x\nzz,2026-01-02,x\n")
    company.map(
        f"{HEAD}  usage:\n    files: u.csv\n    columns:\n      account_id: {{column: sub, lookup: "
        "{file: contracts.csv, key: id, value: account}}\n      feature: f\n      occurred_at: day\n"
    )
    company.ingest()
    assert company.ids("usage", "account_id") == ["a2"]
    assert company.quarantine() == [("usage", "u.csv", 3, "account_id", "zz")]


def test_rows_of_an_event_log_are_added_up(company: CompanyFiles) -> None:
    rows = '{"at": "2026-01-01T09:00:00Z", "who": {"account": "a1"}}\n' * 3 + "not json\n"
    company.write("log.jsonl", rows)
    company.map(
        f"{HEAD}  usage:\n    files: log.jsonl\n    combine: sum\n    columns: {{account_id: who.account, "
        "feature: {constant: use}, events: {constant: 1}, occurred_at: at}\n"
    )
    company.ingest()
    assert company.ids("usage", "events") == [3]
    assert company.quarantine() == [("usage", "log.jsonl", 4, None, None)]


def test_the_end_of_a_contract_is_a_state_unless_another_term_begins(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "account,start,end\na1,2025-01-01,2026-01-01\na1,2026-01-01,\na2,2025-01-01,2025-07-01\n",
    )
    company.map(
        HEAD.replace(
            "{contract_id: id, account_id: account, occurred_at: start}",
            "{contract_id: account, account_id: account, occurred_at: start}\n    ends_on: end",
        )
    )
    company.ingest()
    states = company.rows(
        "SELECT contract_id, occurred_at::DATE::VARCHAR, status FROM raw.contracts ORDER BY 1, 2"
    )
    assert states == [
        ("a1", "2025-01-01", "active"),
        ("a1", "2026-01-01", "active"),
        ("a2", "2025-01-01", "active"),
        ("a2", "2025-07-01", "ended"),
    ]


def test_rows_are_filtered(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,start,trial,fee\n1,a1,2025-01-01,yes,5\n2,a1,2025-01-01,no,5\n3,a2,2025-01-01,,1\n",
    )
    company.map(
        HEAD.replace(
            "files: contracts.csv",
            "files: contracts.csv\n    where: {trial: {not: true}, fee: {at_least: 2}}",
        )
    )
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["2"]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (
            "    colums: {account_id: id}",
            "    columns: {account_id: id, name: name, occurred_at: created}",
            "columns",
        ),
        ("  acounts:", "  accounts:", "accounts"),
        ("acount_id: id, ", "account_id: id, ", "account_id"),
        ("version: 2", "version: 1", "version"),
        ("contract_id: {colum: id}", "contract_id: id", "column"),
    ],
)
def test_a_misspelt_word_is_refused_with_its_place_and_a_suggestion(
    tmp_path: Path, wrong: str, right: str, said: str
) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(HEAD.replace(right, wrong))
    with pytest.raises(ConfigurationError) as refusal:
        load_mapping(path)
    assert "m.yaml" in str(refusal.value)
    assert said in str(refusal.value)


def test_a_mistake_in_a_mapping_names_its_line_and_a_key_may_stand_only_once(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "company: Test\ntables:\n  accounts:\n    files: a.csv\n    columns:\n      name: {colum: n}\n"
    )
    with pytest.raises(
        ConfigurationError, match=r"m\.yaml:6: tables\.accounts\.0\.columns\.name\.colum is not"
    ):
        load_mapping(path)
    path.write_text("company: Test\ntables:\n  accounts: {files: a.csv}\n  accounts: {files: b.csv}\n")
    with pytest.raises(ConfigurationError, match=r"m\.yaml:4: tables\.accounts stands here again"):
        load_mapping(path)


def test_a_required_column_that_nothing_fills_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(HEAD.replace(", occurred_at: start", ""))
    with pytest.raises(ConfigurationError, match=r"contracts\.occurred_at is required and nothing fills it"):
        load_mapping(path)


def test_words_that_yaml_would_turn_into_booleans_stay_words(company: CompanyFiles) -> None:
    company.write("accounts.csv", "id,created,land,big\na1,2025-01-01,NO,yes\n")
    company.map(
        HEAD.replace(
            "name: name",
            "country: {column: land, values: {NO: NOR}}, segment: {column: big, values: {yes: smb}}",
        )
    )
    company.ingest()
    assert company.rows("SELECT country, segment FROM raw.accounts") == [("NOR", "smb")]


@pytest.mark.parametrize("format_", ["yyyy-mm-dd", "%Q %1", "%d.%m.%"])
def test_a_date_format_that_nothing_can_fit_is_refused_before_anything_is_read(
    company: CompanyFiles, format_: str
) -> None:
    company.write("t.csv", "id,account,opened,m\n")
    with pytest.raises(ConfigurationError, match=r"is not a date format.*%d\.%m\.%Y"):
        _tickets(company, f'{{column: m, format: "{format_}"}}')


def test_a_delimiter_is_one_character_or_a_tab(company: CompanyFiles) -> None:
    company.map(HEAD.replace("company: Test", 'company: Test\nreading: {delimiter: "::"}'))
    with pytest.raises(ConfigurationError, match=r"delimiter: .*give one character"):
        load_mapping(company.mapping)
    company.map(HEAD.replace("company: Test", "company: Test\nreading: {delimiter: '\\t'}"))
    assert load_mapping(company.mapping).reading.delimiter == "\t"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("name: {column: name, scale: 2}", "`scale:` multiplies numbers"),
        ("name: {column: name, plus: {amount: 1, unit: days}}", "`plus:` moves dates"),
        ("occurred_at: {constant: soon}", "accounts.occurred_at is a date, and `constant: soon` is not"),
        ("known_at: {same_as: account_id}", "accounts.known_at is a date, and account_id is text"),
        (
            "name: {same_as: country}, country: {same_as: name}",
            "goes round in a circle: name -> country -> name",
        ),
    ],
)
def test_a_rule_that_its_column_cannot_follow_is_refused_with_its_place(
    company: CompanyFiles, rule: str, message: str
) -> None:
    name = rule.split(":")[0]
    columns = {"account_id": "account_id: id", "occurred_at": "occurred_at: created", name: rule}
    company.map(
        HEAD.replace(
            "{account_id: id, name: name, occurred_at: created}", f"{{{', '.join(columns.values())}}}"
        )
    )
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        load_mapping(company.mapping)


def test_a_span_beyond_all_calendars_is_unknown_and_no_end_of_the_load(company: CompanyFiles) -> None:
    company.write("t.csv", "id,account,opened,m\n1,a1,2026-01-01,9e30\n2,a1,2026-01-01,60\n")
    found = _tickets(company, "{column: opened, plus: {column: m, unit: minutes}}")
    assert found == [None, "2026-01-01 01:00:00"]


def test_a_user_whose_address_is_written_in_two_ways_is_one_user(company: CompanyFiles) -> None:
    company.write(
        "usage.csv",
        "account,user,day,feature,events\n"
        "a1,Bob@acme.com,2026-05-01,export,3\na1,bob@acme.com,2026-05-01,export,2\n",
    )
    company.map(
        f"{HEAD}  usage:\n    files: usage.csv\n    combine: sum\n    columns: {{account_id: account, "
        "user_id: {column: user, lower: true}, occurred_at: day, feature: feature, events: events}\n"
    )
    company.ingest()
    assert company.rows("SELECT user_id, events FROM raw.usage") == [("bob@acme.com", 5.0)]


def test_only_text_can_be_made_lower_case(company: CompanyFiles) -> None:
    company.map(HEAD.replace("occurred_at: start", "occurred_at: {column: start, lower: true}"))
    with pytest.raises(ConfigurationError, match="`lower:` is for text"):
        load_mapping(company.mapping)
