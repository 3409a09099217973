"""What a mapping or a cell leaves open: states on a TODO are counted, times with words are understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.sources import landing
from customer_health.sources.clock_words import clock, without_words
from customer_health.sources.draft import draft_mapping
from customer_health.warehouse.connect import open_warehouse


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
    return CompanyFiles(tmp_path)


TICKETS = """
  tickets:
    files: tickets.csv
    status: {column: state, values: {parked: TODO, done: solved}}
    columns: {ticket_id: id, account_id: account, occurred_at: opened}
"""
STATES = "id,account,opened,state\nt1,a1,2026-05-01,parked\nt2,a1,2026-05-02,parked\nt3,a2,2026-05-03,done\n"


# -- states that nobody has translated yet


def test_a_draft_says_how_many_rows_hang_on_a_todo(tmp_path: Path) -> None:
    """ "Reads 3 of 3 rows" would send a CSM live while two of three tickets have no state."""
    (tmp_path / "accounts.csv").write_text("account_id,name,created\na1,Ann,2024-01-01\n")
    (tmp_path / "tickets.csv").write_text(
        "ticket_id,account_id,opened,status\nt1,a1,2024-02-01,closed\nt2,a1,2024-02-01,zurückgestellt\n"
        "t3,a1,2024-02-02,zurückgestellt\nt4,a1,2024-02-02,beim Hersteller\n"
    )
    text = draft_mapping(tmp_path)
    assert (
        "# TODO reads 1 of the 4 rows; 3 rows hang on a TODO of status (beim Hersteller, zurückgestellt)"
        in text
    )


def test_one_row_hangs_and_two_rows_hang(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id,name,created\na1,Ann,2024-01-01\n")
    (tmp_path / "tickets.csv").write_text(
        "ticket_id,account_id,opened,status\nt1,a1,2024-02-01,closed\nt2,a1,2024-02-01,zurückgestellt\n"
    )
    assert "reads 1 of the 2 rows; 1 row hangs on a TODO of status (zurückgestellt)" in draft_mapping(
        tmp_path
    )


def test_what_hangs_on_a_todo_waits_in_quarantine_with_the_word_of_the_source(company: CompanyFiles) -> None:
    company.write("tickets.csv", STATES)
    company.map(MAPPING + TICKETS)
    company.ingest()
    assert company.ids("tickets", "ticket_id") == ["t3"]
    assert company.quarantine() == [
        ("tickets", "tickets.csv", 2, "status", "parked"),
        ("tickets", "tickets.csv", 3, "status", "parked"),
    ]
    reasons = company.rows("SELECT DISTINCT reason FROM quarantine.rows")
    assert "still marks TODO: write what it means" in reasons[0][0]


# -- times of day with words


OPENED = """
  tickets:
    files: tickets.csv
    columns: {ticket_id: id, account_id: account, occurred_at: {column: opened, format: FORMAT}}
"""


@pytest.mark.parametrize(
    ("written", "format_"),
    [
        ("01.05.2026 10:30 Uhr", "'%d.%m.%Y %H:%M'"),
        ("01.05.2026, 10.30 Uhr", "'%d.%m.%Y %H:%M'"),
        ("01.05.2026 um 10:30", "'%d.%m.%Y %H:%M'"),
        ("01/05/2026 à 10h30", "'%d/%m/%Y %H:%M'"),
        ("01/05/2026 às 10:30", "'%d/%m/%Y %H:%M'"),
        ("01-05-2026 10:30 uur", "'%d-%m-%Y %H:%M'"),
        ("2026年5月1日 10時30分", "'%Y年%m月%d日 %H:%M'"),
        ("05/01/2026 10:30 a.m.", "'%m/%d/%Y %I:%M %p'"),
        ("2026-05-01 10:30 h", "iso"),
        ("2026-05-01 12:30:00 +02", "iso"),
        ("2026-05-01 12:30 (CEST)", "iso"),
        ("2026-05-01T06:30:00.000-04:00[America/New_York]", "iso"),
        ("2026-05-01 12:30 +0200", "'%Y-%m-%d %H:%M %z'"),
        ("01.05.2026 10:30 Uhr", "'%d.%m.%Y %H:%M Uhr'"),
    ],
)
def test_a_time_is_understood_with_the_words_that_a_language_puts_around_it(
    company: CompanyFiles, written: str, format_: str
) -> None:
    company.write("tickets.csv", f'id,account,opened,solved\nt1,a1,"{written}",\n')
    company.map(MAPPING + OPENED.replace("FORMAT", format_))
    company.ingest()
    assert company.quarantine() == []
    assert company.rows("SELECT strftime(occurred_at, '%Y-%m-%d %H:%M') FROM raw.tickets") == [
        ("2026-05-01 10:30",)
    ]


def test_a_draft_finds_the_format_of_times_with_words(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id,name,created\na1,Ann,2024-01-01\n")
    (tmp_path / "tickets.csv").write_text(
        "ticket_id;account_id;eröffnet\nt1;a1;21.02.2024 10:00 Uhr\nt2;a1;22.02.2024 09:15 Uhr\n"
    )
    assert 'format: "%d.%m.%Y %H:%M"}' in draft_mapping(tmp_path)


def test_no_format_is_advised_that_has_just_failed(company: CompanyFiles) -> None:
    company.write(
        "tickets.csv", "id,account,opened,solved\nt1,a1,2026-05-01 10:00 EST5EDT,\nt2,a1,2026-05-01 10:00,\n"
    )
    company.map(MAPPING + OPENED.replace("FORMAT", "iso"))
    company.ingest()
    assert [value for *_, value in company.quarantine()] == ["2026-05-01 10:00 EST5EDT"]
    assert "These read by" not in company.remedies()[0]


def test_a_word_that_is_no_zone_gets_no_advice_about_zones(company: CompanyFiles) -> None:
    company.write(
        "tickets.csv", "id,account,opened,solved\nt1,a1,2026-05-01 10:00 etwa,\nt2,a1,2026-05-01 10:00 IST,\n"
    )
    company.map(MAPPING + OPENED.replace("FORMAT", "iso"))
    company.ingest()
    told = dict(company.rows("SELECT value, reason FROM quarantine.rows"))
    assert "zones:" not in told["2026-05-01 10:00 etwa"]
    assert "zones: {BST: Europe/London}" in told["2026-05-01 10:00 IST"]


@given(
    st.sampled_from(["01.05.2026", "2026-05-01", "1 May 2026", "2026年5月1日", "no day", ""]),
    st.sampled_from([" ", ", ", " um ", " à ", " kl. ", "T", ""]),
    st.sampled_from(["10:30", "9.05", "10h30", "10", "10時30分", "24 h", "10:30:15"]),
    st.sampled_from(
        ["", " Uhr", " uur", "h", " h", " o'clock", " CET", " p.m.", " Foo", " +02", "Z[UTC]", " (IST)"]
    ),
)
def test_the_draft_and_the_load_take_the_same_words_away(day: str, at: str, hour: str, word: str) -> None:
    written = f"{day}{at}{hour}{word}"
    with open_warehouse("duckdb://") as con:
        found = con.execute(f"SELECT {clock('t')} FROM (SELECT ? AS t)", [written]).fetchall()
    assert found == [(without_words(written),)]
